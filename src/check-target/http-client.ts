import { type Dispatcher, Pool } from 'undici';
import packageJson from '../../package.json' with { type: 'json' };
import { answerText, codeOf, describeFault } from '../adapters/http-delivery/index.ts';
import { RequestFault } from './faults.ts';

/** An answer as it came; of its body no more than order-sync would read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The body, if it is JSON; else undefined. */
  readonly json: unknown;
  readonly latencyMs: number;
}

/** What all answers together say of the target. */
export interface Observed {
  requests: number;
  connections: number;
  slowestMs: number;
  largestBytes: number;
  /** The target's clock minus ours, by the `Date` of its last answer; null while it has sent none. */
  clockAheadMs: number | null;
}

/** As much of an answer as order-sync reads. */
export const ANSWER_BYTES_MAX = 64 * 1_024;
const CONNECTIONS = 8;

/**
 * The client of the checks: it judges nothing but what makes an answer unusable, and remembers what it saw.
 * With the sender it shares the words for faults and the signature, and nothing of how requests are made, so that
 * a mistake there cannot hide here.
 */
export class HttpClient {
  readonly observed: Observed = {
    requests: 0,
    connections: 0,
    slowestMs: 0,
    largestBytes: 0,
    clockAheadMs: null,
  };
  readonly #url: URL;
  readonly #pool: Pool;
  readonly #apiKey: string | null;
  readonly #deadlineMs: number;
  readonly #stop: AbortSignal;

  constructor(url: URL, options: { apiKey: string | null; deadlineMs: number; stop: AbortSignal }) {
    this.#url = url;
    this.#apiKey = options.apiKey;
    this.#deadlineMs = options.deadlineMs;
    this.#stop = options.stop;
    this.#pool = new Pool(url.origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: options.deadlineMs },
    });
    this.#pool.on('connect', () => {
      this.observed.connections++;
    });
  }

  /** To the target's URL, or to another path of the same origin. */
  post(headers: Readonly<Record<string, string>>, body: Buffer, path?: string): Promise<Answer> {
    const jsonHeaders = { 'content-type': 'application/json', ...headers };
    return this.#request('POST', path ?? this.#url.pathname + this.#url.search, jsonHeaders, body);
  }

  /** From the target's URL, with `/` and `segment` at its end and `query` added to its own. */
  get(segment: string | null, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const path = this.#url.pathname.replace(/\/$/, '') + (segment === null ? '' : `/${segment}`);
    const parameters = new URLSearchParams([...this.#url.searchParams, ...Object.entries(query)]).toString();
    const headers: Record<string, string> =
      this.#apiKey === null ? {} : { authorization: `Bearer ${this.#apiKey}` };
    return this.#request('GET', parameters === '' ? path : `${path}?${parameters}`, headers, null);
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #request(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Buffer | null,
  ): Promise<Answer> {
    const deadline = AbortSignal.timeout(this.#deadlineMs);
    const startedMs = performance.now();
    try {
      const response = await this.#pool.request({
        method,
        path,
        headers: { ...this.#commonHeaders(), ...headers },
        body,
        signal: AbortSignal.any([deadline, this.#stop]),
      });
      const read = await readBody(response.body);
      const latencyMs = Math.round(performance.now() - startedMs);
      this.#observe(response.headers, latencyMs, read.length);
      const { statusCode: status } = response;
      return { status, headers: response.headers, body: read, json: parse(read), latencyMs };
    } catch (error) {
      if (deadline.aborted) {
        throw new RequestFault('no_answer_in_time', `no complete answer within ${this.#deadlineMs} ms`);
      }
      // A stop is no fault of the target, and neither is a request that could not even be made.
      if (this.#stop.aborted || ['TypeError', 'UND_ERR_INVALID_ARG'].includes(codeOf(error))) throw error;
      const isReached = this.observed.connections > 0;
      throw new RequestFault(
        isReached ? 'connection_broken' : 'target_unreachable',
        describeFault(error, this.#url.origin).replace(/\.$/, ''),
      );
    }
  }

  #commonHeaders(): Record<string, string> {
    const { username, password } = this.#url;
    const common = {
      accept: 'application/json',
      'user-agent': `tributary/${packageJson.version} (check-target)`,
    };
    if (username === '' && password === '') return common;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return { ...common, authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
  }

  #observe(headers: Answer['headers'], latencyMs: number, bytes: number): void {
    const { observed } = this;
    observed.requests++;
    observed.slowestMs = Math.max(observed.slowestMs, latencyMs);
    observed.largestBytes = Math.max(observed.largestBytes, bytes);
    const atMs = Date.parse(String(headers.date ?? ''));
    if (!Number.isNaN(atMs)) observed.clockAheadMs = atMs - Date.now();
  }
}

/** Reads to the end or to the limit; what is over the limit is left, and the connection with it. */
async function readBody(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    // Leaving the loop destroys the stream.
    if (bytes > ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(chunks);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The status, and so much of the body that a person sees what it says; safe in a terminal. */
export function describe(answer: Answer): string {
  const text = answerText(answer.body.subarray(0, 120));
  return text === '' ? String(answer.status) : `${answer.status} ${text}`;
}

export function isOk(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

/** A field of a JSON object, whatever came. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
