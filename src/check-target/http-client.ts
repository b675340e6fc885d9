import { type Dispatcher, Pool } from 'undici';
import packageJson from '../../package.json' with { type: 'json' };
import { answerText, codeOf, describeFault } from '../adapters/http-delivery/index.ts';
import { RequestFault } from './faults.ts';

/** An answer. Its body holds no more than order-sync would read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The body as JSON, or undefined if it is none. */
  readonly json: unknown;
  readonly latencyMs: number;
}

/** What the answers of the whole run show about the target. */
export interface Observed {
  requests: number;
  connections: number;
  slowestMs: number;
  largestBytes: number;
  /** The target's clock minus ours, by the `Date` of its last answer. Null if no answer had a `Date`. */
  clockAheadMs: number | null;
}

/** The most bytes of an answer that order-sync reads. */
export const ANSWER_BYTES_MAX = 64 * 1_024;
const CONNECTIONS = 8;

/**
 * The HTTP client of the checks. It remembers what the answers show, and judges only whether an answer is usable. It shares
 * the texts of faults and the signature with order-sync's sender, but not the way in which requests are made. So a mistake in
 * the sender cannot hide here.
 */
export class HttpClient {
  readonly observed: Observed = {
    requests: 0,
    connections: 0,
    slowestMs: 0,
    largestBytes: 0,
    clockAheadMs: null,
  };
  readonly url: URL;
  readonly #pool: Pool;
  readonly #apiKey: string | null;
  readonly #deadlineMs: number;
  readonly #stop: AbortSignal;

  constructor(url: URL, options: { apiKey: string | null; deadlineMs: number; stop: AbortSignal }) {
    this.url = url;
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

  /** Posts to the target's URL, or to another path of the same origin. */
  post(headers: Readonly<Record<string, string>>, body: Buffer, path?: string): Promise<Answer> {
    const jsonHeaders = { 'content-type': 'application/json', ...headers };
    return this.#request('POST', path ?? this.url.pathname + this.url.search, jsonHeaders, body);
  }

  /** Gets the target's URL, with `/segment` at the end of its path and `query` added to its query. */
  get(segment: string | null, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const path = this.url.pathname.replace(/\/$/, '') + (segment === null ? '' : `/${segment}`);
    const parameters = new URLSearchParams([...this.url.searchParams, ...Object.entries(query)]).toString();
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
      // A stop is no fault of the target. A request that could not be made is none, either.
      if (this.#stop.aborted || ['TypeError', 'UND_ERR_INVALID_ARG'].includes(codeOf(error))) throw error;
      const isReached = this.observed.connections > 0;
      throw new RequestFault(
        isReached ? 'connection_broken' : 'target_unreachable',
        describeFault(error, this.url.origin).replace(/\.$/, ''),
      );
    }
  }

  #commonHeaders(): Record<string, string> {
    const { username, password } = this.url;
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

/** Reads a body to its end or to the limit. A body over the limit is left there, and the connection is closed. */
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

/** The status and the beginning of the body, in a form that is safe in a terminal. */
export function describe(answer: Answer): string {
  const text = answerText(answer.body.subarray(0, 120));
  return text === '' ? String(answer.status) : `${answer.status} ${text}`;
}

export function isOk(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

/** The field of a value, or undefined if the value is no object or has no such field. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
