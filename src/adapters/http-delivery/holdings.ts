import { Pool } from 'undici';
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
import { CLOSES_BEFORE_HINT_MS } from './connections.ts';
import { codeOf, describeFault, isCut } from './fault.ts';
import { AnswerFault, digestFrom, pageFrom } from './holdings-answers.ts';
import { TokenFault } from './oauth.ts';
import type { HttpTargetOptions, ReachOptions } from './options.ts';
import { type Reach, reach } from './reach.ts';
import { readUpTo } from './reading.ts';
import { parseTargetUrl } from './url.ts';

export interface HttpHoldingsOptions
  extends ReachOptions,
    Pick<HttpTargetOptions, 'name' | 'url' | 'deadlineMs' | 'clock' | 'logger'> {
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
  readonly #reach: Reach;
  readonly #headers: readonly string[];
  readonly #deadlineMs: number;
  #closed: Promise<void> | null = null;

  constructor(options: HttpHoldingsOptions) {
    const { name, deadlineMs = 15_000 } = options;
    this.#options = options;
    this.#url = parseTargetUrl(options.url, name);
    this.#deadlineMs = deadlineMs;
    this.#reach = reach(this.#url, { ...options, deadlineMs });
    this.#headers = [
      ...['accept', 'application/json', 'user-agent', `tributary/${packageJson.version}`],
      ...this.#reach.headersFor('reads'),
    ];
    this.#pool = new Pool(this.#reach.origin, {
      connections: 1,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeoutThreshold: CLOSES_BEFORE_HINT_MS,
      connect: this.#reach.connector,
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
    this.#closed ??= Promise.all([this.#pool.destroy(), this.#reach.tokens?.close()]).then(() => {});
    return this.#closed;
  }

  /** Resolves with the body of an answer of 200. Rejects if the body is larger than the limit. */
  async #ask(
    below: '' | '/digest',
    range: HoldingsRange,
    signal: AbortSignal,
    answerLimit: number,
  ): Promise<Buffer> {
    const path = this.#reach.pathPrefix + pathOf(this.#url, below, range);
    const token = await this.#token();
    let answer = await this.#get(path, token, signal, answerLimit);
    if (answer.status === 401 && token !== null) {
      this.#reach.tokens?.refused(token);
      answer = await this.#get(path, await this.#token(), signal, answerLimit);
    }
    const { status, body } = answer;
    if (status !== 200) throw this.#refusal(status, body);
    if (body.length > answerLimit) {
      throw this.#fault('target_answer_invalid', `it answered with more than ${answerLimit} bytes.`);
    }
    return body;
  }

  /** The token of the OAuth client; null if there is no client. */
  async #token(): Promise<string | null> {
    if (this.#reach.tokens === null) return null;
    try {
      return this.#reach.tokens.current ?? (await this.#reach.tokens.fetch());
    } catch (error) {
      if (!(error instanceof TokenFault)) throw error;
      throw this.#fault('target_unreachable', error.message, error);
    }
  }

  async #get(
    path: string,
    token: string | null,
    signal: AbortSignal,
    answerLimit: number,
  ): Promise<{ readonly status: number; readonly body: Buffer }> {
    const deadline = AbortSignal.timeout(this.#deadlineMs);
    try {
      const request = {
        method: 'GET',
        path,
        headers: token === null ? [...this.#headers] : [...this.#headers, 'authorization', `Bearer ${token}`],
        signal: AbortSignal.any([signal, deadline]),
      } as const;
      // The target may have closed the connection since the last answer. A request that reads may be sent twice.
      const answer = await this.#pool.request(request).catch((error: unknown) => {
        if (!isCut(codeOf(error))) throw error;
        return this.#pool.request(request);
      });
      const status = answer.statusCode;
      return { status, body: await readUpTo(answer.body, status === 200 ? answerLimit : ANSWER_KEPT_BYTES) };
    } catch (error) {
      // Errors of undici and of Node have a code, mistakes of this program do not.
      if (isProgramError(error) && !('code' in (error as Error))) throw error;
      throw this.#fault(
        'target_unreachable',
        deadline.aborted
          ? `it gave no complete answer within ${this.#deadlineMs} ms.`
          : describeFault(error, this.#reach.place),
        error,
      );
    }
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
      `Target ${this.#options.name} at ${this.#reach.place} was asked for what it holds: ${sentence}`,
      { cause },
    );
  }
}

function pathOf(url: URL, below: string, { after, limit }: HoldingsRange): string {
  const query = new URLSearchParams(url.search);
  query.set('limit', String(limit));
  if (after !== null) query.set('after', Buffer.from(after).toString('base64url'));
  const path = below === '' ? url.pathname : url.pathname.replace(/\/$/, '') + below;
  return `${path}?${query}`;
}
