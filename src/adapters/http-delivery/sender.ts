import packageJson from '../../../package.json' with { type: 'json' };
import { parseSigningKeys, type SigningKey, sign } from '../../core/webhook-signature.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryOutcome } from '../../ports/delivery-target.ts';
import type { Attempt } from './attempt.ts';
import type { Body } from './body.ts';
import { Connections } from './connections.ts';
import { TokenFault, type TokenSource } from './oauth.ts';
import { type HttpTargetOptions, SETTING_NAMES } from './options.ts';
import { reach } from './reach.ts';
import type { RequestTrace } from './request-spans.ts';

/** The parts of one request. */
export interface Made {
  readonly path: string;
  readonly headers: string[];
  readonly body: string;
}

/** Signs and authorizes the requests to one target, and writes them to its connections. */
export class Sender {
  /** Scheme, host and port, and the proxy if there is one. */
  readonly place: string;
  readonly connections: Connections;
  /** Stands before the path of each request, if a proxy has to know the origin. */
  readonly #pathPrefix: string;
  /** Null if requests are authorized by nothing that ends. */
  readonly #tokens: TokenSource | null;
  readonly #keys: readonly SigningKey[];
  readonly #commonHeaders: readonly string[];
  readonly #clock: Pick<Clock, 'now'>;
  /** How messages name the settings of the token endpoint. */
  readonly #oauthName: string;

  /** Throws `setting_invalid`. */
  constructor(url: URL, options: HttpTargetOptions & { readonly deadlineMs: number }) {
    const { name, clock, logger } = options;
    const reached = reach(url, options);
    this.place = reached.place;
    this.#pathPrefix = reached.pathPrefix;
    this.#tokens = reached.tokens;
    this.#keys = parseSigningKeys(options.secrets, `The signing secret of target ${name}`);
    this.#commonHeaders = [
      ...['user-agent', `tributary/${packageJson.version}`],
      ...reached.headersFor('writes'),
    ];
    this.#clock = clock;
    this.#oauthName = options.settingNames?.oauth ?? SETTING_NAMES.oauth;
    this.connections = new Connections({
      clock,
      origin: reached.origin,
      max: options.connections ?? 64,
      connector: reached.connector,
      shownCertificate: reached.shownCertificate,
      onFewer: (limit) =>
        logger(
          'info',
          `Target ${name} cuts connections between two requests: it gets at most ${limit} connections for a minute. No state was lost by that.`,
        ),
    });
  }

  get isSigning(): boolean {
    return this.#keys.length > 0;
  }

  /** Writes the request of an attempt. `make` gets the token that the request carries; null if it carries none. */
  send(attempt: Attempt, make: (token: string | null) => Made): void {
    const tokens = this.#tokens;
    if (tokens === null) {
      this.#dispatch(attempt, make, null);
      return;
    }
    const { current } = tokens;
    if (current !== null) this.#dispatch(attempt, make, current);
    else
      tokens.fetch().then(
        (token) => this.#dispatch(attempt, make, token),
        (error) => this.#failWithoutToken(attempt, error),
      );
  }

  /** A token may have been revoked before its end. Then the request is sent once more, with a new one. */
  isTokenRefused({ status }: DeliveryOutcome, token: string | null): boolean {
    if (status !== 401 || token === null) return false;
    this.#tokens?.refused(token);
    return true;
  }

  /** The headers of one request, as names and values by turns. `made`: a body that is not as the contract says. */
  headers(id: string, body: string, trace: RequestTrace, token: string | null, made?: Body): string[] {
    const headers = ['content-type', made?.contentType ?? 'application/json', ...this.#commonHeaders];
    headers.push('idempotency-key', quoted(id), 'webhook-id', id);
    const timestamp = Math.floor(this.#clock.now() / 1_000);
    headers.push('webhook-timestamp', String(timestamp));
    if (this.#keys.length > 0) headers.push('webhook-signature', sign(this.#keys, id, timestamp, body));
    headers.push(...trace.headers);
    if (made !== undefined) headers.push(...made.headers);
    if (token !== null) headers.push('authorization', `Bearer ${token}`);
    return headers;
  }

  /** Closes all connections. Every request that is under way fails. */
  async close(): Promise<void> {
    await this.connections.destroy();
    await this.#tokens?.close();
  }

  #dispatch(attempt: Attempt, make: (token: string | null) => Made, token: string | null): void {
    if (attempt.isSettled) return;
    try {
      const { path, headers, body } = make(token);
      const whole = this.#pathPrefix === '' ? path : this.#pathPrefix + path;
      this.connections.dispatch({ method: 'POST', path: whole, headers, body }, attempt);
    } catch (error) {
      attempt.failBy(error);
    }
  }

  /** The token endpoint belongs to the target, so its trouble is the target's. */
  #failWithoutToken(attempt: Attempt, error: unknown): void {
    if (error instanceof TokenFault) attempt.fail('retry', error.message, `Look at ${this.#oauthName}.`);
    else attempt.failBy(error);
  }
}

/** Writes a string as HTTP's structured fields do. Source: RFC 8941, 3.3.3. */
function quoted(text: string): string {
  const needsEscapes = text.includes('"') || text.includes('\\');
  return needsEscapes ? `"${text.replace(/[\\"]/g, '\\$&')}"` : `"${text}"`;
}
