import { type Dispatcher, Pool } from 'undici';
import packageJson from '../../../package.json' with { type: 'json' };
import type { ViewColumn } from '../../core/domain.ts';
import { isProgramError, TributaryError } from '../../core/errors.ts';
import type {
  HoldingsDigest,
  HoldingsPage,
  HoldingsRange,
  TargetHoldings,
} from '../../ports/target-holdings.ts';
import { ANSWER_KEPT_BYTES, answerText } from './answer.ts';
import { describeFault } from './fault.ts';
import { AnswerFault, digestFrom, pageFrom } from './holdings-answers.ts';
import type { HttpTargetOptions } from './options.ts';
import { authorities, basicAuthorization, parseTargetUrl } from './url.ts';

export interface HttpHoldingsOptions
  extends Pick<HttpTargetOptions, 'name' | 'url' | 'deadlineMs' | 'caFile'> {
  /** Sent as `Authorization: Bearer`, instead of the user in the URL. */
  readonly apiKey?: string;
  /** Names the fields of a listed state, beside `version`. */
  readonly view: { readonly keyColumn: string; readonly columns: readonly ViewColumn[] };
}

/** Room for one listed state: mostly some hundred bytes, and 1.5 KiB if every byte of its id is escaped. */
const ROW_BYTES = 2_048;
const ANSWER_BYTES = 64 * 1_024;

/**
 * Asks a target for the states that it holds: by GET at the URL where states are posted, and at `/digest` below it. It
 * follows no redirect. Throws `setting_invalid` for options that cannot work.
 */
export function openHttpHoldings(options: HttpHoldingsOptions): TargetHoldings {
  return new HttpHoldings(options);
}

class HttpHoldings implements TargetHoldings {
  readonly #options: HttpHoldingsOptions;
  readonly #url: URL;
  readonly #pool: Pool;
  readonly #deadlineMs: number;
  #closed: Promise<void> | null = null;

  constructor(options: HttpHoldingsOptions) {
    const { name, deadlineMs = 15_000 } = options;
    this.#options = options;
    this.#url = parseTargetUrl(options.url, name);
    this.#deadlineMs = deadlineMs;
    this.#pool = new Pool(this.#url.origin, {
      connections: 1,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: deadlineMs, ...authorities(options.caFile, name) },
    });
  }

  async page(range: HoldingsRange, signal: AbortSignal): Promise<HoldingsPage> {
    const body = await this.#ask('', range, signal, ANSWER_BYTES + range.limit * ROW_BYTES);
    return this.#understand(() => pageFrom(body, range, this.#options.view));
  }

  async digest(range: HoldingsRange, signal: AbortSignal): Promise<HoldingsDigest> {
    const body = await this.#ask('/digest', range, signal, ANSWER_BYTES);
    return this.#understand(() => digestFrom(body, range));
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.destroy();
    return this.#closed;
  }

  /** Resolves with the body of an answer of 200. Rejects if the body is larger than the limit. */
  async #ask(
    below: '' | '/digest',
    range: HoldingsRange,
    signal: AbortSignal,
    answerLimit: number,
  ): Promise<Buffer> {
    const deadline = AbortSignal.timeout(this.#deadlineMs);
    let status: number;
    let body: Buffer;
    try {
      const answer = await this.#pool.request({
        method: 'GET',
        path: pathOf(this.#url, below, range),
        headers: headersFor(this.#url, this.#options.apiKey),
        signal: AbortSignal.any([signal, deadline]),
      });
      status = answer.statusCode;
      body = await readUpTo(answer.body, status === 200 ? answerLimit : ANSWER_KEPT_BYTES);
    } catch (error) {
      // Errors of undici and of Node have a code, mistakes of this program do not.
      if (isProgramError(error) && !('code' in (error as Error))) throw error;
      throw this.#fault(
        'target_unreachable',
        deadline.aborted
          ? `it gave no complete answer within ${this.#deadlineMs} ms.`
          : describeFault(error, this.#url.origin),
        error,
      );
    }
    if (status !== 200) throw this.#refusal(status, body);
    if (body.length > answerLimit) {
      throw this.#fault('target_answer_invalid', `it answered with more than ${answerLimit} bytes.`);
    }
    return body;
  }

  #refusal(status: number, body: Buffer): TributaryError {
    if (status === 404 || status === 405 || status === 501) {
      return this.#fault('holdings_not_offered', `it answers ${status}, so it does not tell what it holds.`);
    }
    const answer = answerText(body);
    const isKeyWanted = status === 401 || status === 403;
    const hint = this.#options.apiKey === undefined ? 'It was sent no API key' : 'The API key does not do';
    const what =
      `it answered ${status}${answer === '' ? '' : `: ${answer}`}.` +
      (isKeyWanted
        ? ` ${hint}: correct ORDER_SYNC_TARGET_API_KEY, or "apiKeyFile" in the file of targets.`
        : '');
    const mayPass = status === 408 || status === 429 || status >= 500;
    return this.#fault(mayPass ? 'target_unreachable' : 'target_answer_invalid', what);
  }

  #understand<Answer>(parse: () => Answer): Answer {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof AnswerFault)) throw error;
      throw this.#fault(
        'target_answer_invalid',
        `${error.message}. docs/being-a-target.md has the answers that a target gives; one that does not give them cannot be compared.`,
        error,
      );
    }
  }

  #fault(
    code: 'target_unreachable' | 'target_answer_invalid' | 'holdings_not_offered',
    sentence: string,
    cause?: unknown,
  ): TributaryError {
    return new TributaryError(
      code,
      `Target ${this.#options.name} at ${this.#url.origin} was asked for what it holds: ${sentence}`,
      { cause },
    );
  }
}

function pathOf(url: URL, below: string, { after, limit }: HoldingsRange): string {
  const query = new URLSearchParams(url.search);
  query.set('limit', String(limit));
  if (after !== null) query.set('after', Buffer.from(after).toString('base64url'));
  return `${url.pathname}${below}?${query}`;
}

function headersFor(url: URL, apiKey: string | undefined): Record<string, string> {
  const authorization = apiKey === undefined ? basicAuthorization(url) : `Bearer ${apiKey}`;
  return {
    accept: 'application/json',
    'user-agent': `tributary/${packageJson.version}`,
    ...(authorization === null ? {} : { authorization }),
  };
}

/** Reads at most one byte more than the limit. That byte shows that the answer is larger. */
async function readUpTo(body: Dispatcher.ResponseData['body'], limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit + 1);
}
