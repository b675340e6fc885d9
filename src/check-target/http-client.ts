import { type buildConnector, type Dispatcher, Pool } from 'undici';
import packageJson from '../../package.json' with { type: 'json' };
import {
  answerText,
  asksForCertificate,
  CERTIFICATE_MEANINGS,
  CertificateFault,
  codeOf,
  describeFault,
  firstOf,
  isInvalidCertificate,
  isOfProxy,
  isUnknownAuthority,
  type Reach,
  TokenFault,
} from '../adapters/http-delivery/index.ts';
import { type VerdictRules, verdictByRules } from '../core/verdict-rules.ts';
import { type FaultCode, RequestFault } from './faults.ts';
import type { OptionNames } from './option-names.ts';

/** An answer. Its body holds no more than order-sync would read. */
export interface Answer {
  readonly status: number;
  /** Whether order-sync would take the state for delivered. */
  readonly isTaken: boolean;
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
  /** The shortest time for which the target keeps a connection, by its header Keep-Alive. Null if it names none. */
  keepAliveSeconds: number | null;
  /** The target's clock minus ours, by the `Date` of its last answer. Null if no answer had a `Date`. */
  clockAheadMs: number | null;
}

/** The most bytes of an answer that order-sync reads. */
export const ANSWER_BYTES_MAX = 64 * 1_024;
const CONNECTIONS = 8;

/**
 * The HTTP client of the checks. It remembers what the answers show, and judges only whether an answer is usable. It shares
 * with order-sync's sender the way to the target, its authorization and its signature, but not how requests are made. So a
 * mistake in the sender cannot hide here.
 */
export class HttpClient {
  readonly observed: Observed = {
    requests: 0,
    connections: 0,
    slowestMs: 0,
    largestBytes: 0,
    keepAliveSeconds: null,
    clockAheadMs: null,
  };
  readonly url: URL;
  readonly #pool: Pool;
  readonly #reach: Reach;
  readonly #verdicts: VerdictRules;
  readonly #names: OptionNames;
  /** Whether the target has asked for a certificate, at the last connection. */
  #wantsCertificate = false;
  readonly #deadlineMs: number;
  readonly #stop: AbortSignal;

  constructor(
    url: URL,
    options: {
      readonly reach: Reach;
      readonly verdicts: VerdictRules;
      readonly optionNames: OptionNames;
      readonly deadlineMs: number;
      readonly stop: AbortSignal;
    },
  ) {
    this.url = url;
    this.#reach = options.reach;
    this.#verdicts = options.verdicts;
    this.#names = options.optionNames;
    this.#deadlineMs = options.deadlineMs;
    this.#stop = options.stop;
    this.#pool = new Pool(options.reach.origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeoutThreshold: 500,
      connect: (to, connected) =>
        options.reach.connector(to, (...result: Parameters<buildConnector.Callback>) => {
          this.#wantsCertificate = asksForCertificate(result[1]);
          connected(...result);
        }),
    });
    this.#pool.on('connect', () => {
      this.observed.connections++;
    });
  }

  /** Whether requests go through a proxy. */
  get isProxied(): boolean {
    return this.#reach.place !== this.url.origin;
  }

  /** Whether the proxy gets a user and a password. */
  get hasProxyLogin(): boolean {
    return this.#reach.hasProxyLogin;
  }

  /**
   * Posts to the target's URL, or to another path of the same origin. `renewsToken`: whether a 401 may be due to the token, and
   * not to the request.
   */
  post(
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    { path, renewsToken = true }: { readonly path?: string | undefined; readonly renewsToken?: boolean } = {},
  ): Promise<Answer> {
    const jsonHeaders = { 'content-type': 'application/json', ...headers };
    return this.#request('POST', path ?? this.url.pathname + this.url.search, jsonHeaders, body, renewsToken);
  }

  /** Gets the target's URL, with `/segment` at the end of its path and `query` added to its query. */
  get(segment: string | null, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const path = this.url.pathname.replace(/\/$/, '') + (segment === null ? '' : `/${segment}`);
    const parameters = new URLSearchParams([...this.url.searchParams, ...Object.entries(query)]).toString();
    return this.#request('GET', parameters === '' ? path : `${path}?${parameters}`, {}, null);
  }

  close(): Promise<void> {
    return Promise.all([this.#pool.destroy(), this.#reach.tokens?.close()]).then(() => {});
  }

  async #request(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Buffer | null,
    renewsToken = true,
  ): Promise<Answer> {
    const deadline = AbortSignal.timeout(this.#deadlineMs);
    const startedMs = performance.now();
    try {
      const signal = AbortSignal.any([deadline, this.#stop]);
      const send = (token: string | null) =>
        this.#pool.request({
          method,
          path: this.#reach.pathPrefix + path,
          headers: [...this.#commonHeaders(method, token), ...Object.entries(headers).flat()],
          body,
          signal,
        });
      const token = await this.#token();
      let response = await send(token);
      let read = await readBody(response.body);
      // As order-sync does: a token may have been revoked before its end.
      if (response.statusCode === 401 && token !== null && renewsToken) {
        this.#reach.tokens?.refused(token);
        response = await send(await this.#token());
        read = await readBody(response.body);
      }
      const latencyMs = Math.round(performance.now() - startedMs);
      this.#observe(response.headers, latencyMs, read.length);
      const { statusCode: status } = response;
      const rule = verdictByRules(this.#verdicts, status);
      const isTaken = rule === null ? status >= 200 && status < 300 : rule === 'delivered';
      return { status, isTaken, headers: response.headers, body: read, json: parse(read), latencyMs };
    } catch (error) {
      if (deadline.aborted) {
        throw this.#lateFault();
      }
      // A stop is no fault of the target. A request that could not be made is none, either.
      if (this.#stop.aborted || ['TypeError', 'UND_ERR_INVALID_ARG'].includes(codeOf(error))) throw error;
      throw this.#faultOf(error);
    }
  }

  /** A deadline that ended before any connection was made says nothing about the answers of the target. */
  #lateFault(): RequestFault {
    const { names, place } = { names: this.#names, place: this.#reach.place };
    const within = `within ${this.#deadlineMs} ms`;
    if (this.observed.connections > 0)
      return new RequestFault('no_answer_in_time', `no complete answer ${within}`);
    return this.isProxied
      ? new RequestFault(
          'proxy_in_the_way',
          `${place}: no connection ${within}: look at ${names.proxy}, or except the host by ${names.noProxy}`,
        )
      : new RequestFault(
          'target_unreachable',
          `${place}: no connection ${within}: if this network lets requests out through a proxy alone, set ${names.proxy}`,
        );
  }

  #faultOf(error: unknown): RequestFault {
    const names = this.#names;
    const code = codeOf(error);
    const isShut = this.#wantsCertificate && this.observed.requests === 0;
    const isOfOurs = isShut || Object.hasOwn(CERTIFICATE_MEANINGS, code);
    const shown = isOfOurs ? this.#reach.shownCertificate() : null;
    const isWorded = error instanceof CertificateFault || (shown === null && !isShut);
    const known = isWorded ? error : new CertificateFault(shown, error as Error);
    const seen = describeFault(known, this.#reach.place).replace(/\.$/, '');
    const fault = (kind: FaultCode, remedy: string) => new RequestFault(kind, `${seen}: ${remedy}`);
    if (error instanceof TokenFault)
      return new RequestFault('authorization_wanted', `${error.message} Look at ${names.oauth}`);
    if (isUnknownAuthority(code)) {
      const authorities = this.#reach.authorities();
      const remedy = `set ${names.caFile}`;
      return fault(
        'authority_unknown',
        authorities === null ? remedy : `${remedy} to a file with that authority; it has ${authorities}`,
      );
    }
    if (isInvalidCertificate(code)) return new RequestFault('certificate_invalid', seen);
    if (isOfOurs)
      return fault('client_certificate_wanted', `${shown === null ? 'set' : 'look at'} ${names.certFile}`);
    if (isOfProxy(code))
      return fault('proxy_in_the_way', `look at ${names.proxy}, or except the host by ${names.noProxy}`);
    if (this.observed.connections > 0) {
      const isGone = GONE.has(code);
      const when = isGone ? `, after ${this.observed.requests} answers: it may have ended at a request` : '';
      return new RequestFault('connection_broken', seen + when, isGone);
    }
    return !this.isProxied && FAR_AWAY.has(code)
      ? fault(
          'target_unreachable',
          `if this network lets requests out through a proxy alone, set ${names.proxy}`,
        )
      : new RequestFault('target_unreachable', seen);
  }

  /** Null if requests carry none. */
  async #token(): Promise<string | null> {
    const { tokens } = this.#reach;
    return tokens === null ? null : (tokens.current ?? tokens.fetch());
  }

  /** Names and values by turns. */
  #commonHeaders(method: 'GET' | 'POST', token: string | null): string[] {
    return [
      ...['accept', 'application/json', 'user-agent', `tributary/${packageJson.version} (check-target)`],
      ...this.#reach.headersFor(method === 'GET' ? 'reads' : 'writes'),
      ...(token === null ? [] : ['authorization', `Bearer ${token}`]),
    ];
  }

  #observe(headers: Answer['headers'], latencyMs: number, bytes: number): void {
    const { observed } = this;
    observed.requests++;
    observed.slowestMs = Math.max(observed.slowestMs, latencyMs);
    observed.largestBytes = Math.max(observed.largestBytes, bytes);
    const kept = /timeout=(\d+)/i.exec(String(headers['keep-alive'] ?? ''))?.[1];
    if (kept !== undefined)
      observed.keepAliveSeconds = Math.min(
        observed.keepAliveSeconds ?? Number.POSITIVE_INFINITY,
        Number(kept),
      );
    const atMs = Date.parse(firstOf(headers.date) ?? '');
    if (!Number.isNaN(atMs)) observed.clockAheadMs = atMs - Date.now();
  }
}

/** Nothing takes connections there. */
const GONE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Where nothing answers, a firewall may let requests out through a proxy alone. */
const FAR_AWAY: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

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
  return answer.isTaken;
}

/** The field of a value, or undefined if the value is no object or has no such field. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
