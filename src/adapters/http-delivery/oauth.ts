import { getCACertificates } from 'node:tls';
import { Pool } from 'undici';
import type { Clock } from '../../ports/clock.ts';
import { answerText } from './answer.ts';
import { basicAuthorization } from './authorization.ts';
import { codeOf, describeFault } from './fault.ts';
import { readUpTo } from './reading.ts';
import { type WayOptions, wayTo } from './way.ts';

/** A client of an OAuth 2.0 token endpoint that gets its tokens by the client credentials grant. Source: RFC 6749, 4.4. */
export interface OAuthClient {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string | undefined;
  readonly audience?: string | undefined;
  /** Where the endpoint wants id and secret: as Basic authorization, which is the default, or in the body. */
  readonly sendsSecretIn?: 'header' | 'body' | undefined;
  /** The proxy to the token endpoint. */
  readonly proxy?: URL | null | undefined;
}

/** No token was got. The message names the endpoint and what it answered, never what was sent. */
export class TokenFault extends Error {
  /** Whether the endpoint refused the client, so that its id or its secret is wrong. */
  readonly isRefusal: boolean;

  constructor(message: string, isRefusal: boolean) {
    super(message);
    this.isRefusal = isRefusal;
  }
}

/** A token is renewed when this part of its life is over, or a minute before its end if that is later. */
const RENEWED_AFTER = 0.7;
const RENEWED_BEFORE_END_MS = 60_000;
const ANSWER_BYTES = 64 * 1_024;

/**
 * The token of one target. It is fetched once for all requests that wait for it, and kept until its end. Before that it is
 * renewed while the old one is still used, so that no state waits for a renewal.
 */
export class TokenSource {
  readonly #client: OAuthClient;
  readonly #url: URL;
  readonly #place: string;
  readonly #pool: Pool;
  readonly #pathPrefix: string;
  readonly #headers: readonly string[];
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #deadlineMs: number;
  #token: string | null = null;
  #renewAtMs = Number.POSITIVE_INFINITY;
  #endsAtMs = Number.POSITIVE_INFINITY;
  #fetching: Promise<string> | null = null;

  /** Throws `setting_invalid`. */
  constructor(client: OAuthClient, options: WayOptions & { clock: Pick<Clock, 'monotonicMs'> }) {
    this.#client = client;
    this.#url = new URL(client.tokenUrl);
    // The endpoint is mostly another's server, so the system's authorities count there, too.
    const moreAuthorities = options.caFile === undefined ? [] : getCACertificates();
    // A target that waits for a token gives up at its deadline. The endpoint's fault has to be known before that.
    this.#deadlineMs = Math.ceil(options.deadlineMs * 0.6);
    const way = wayTo(this.#url, {
      name: options.name,
      logger: options.logger,
      caFile: options.caFile,
      proxy: client.proxy,
      moreAuthorities,
      deadlineMs: this.#deadlineMs,
    });
    this.#place = way.place.replace(this.#url.origin, this.#url.origin + this.#url.pathname);
    this.#pool = new Pool(way.origin, {
      connections: 1,
      pipelining: 1,
      allowH2: false,
      connect: way.connector,
    });
    this.#pathPrefix = way.pathPrefix;
    this.#headers = way.headers;
    this.#clock = options.clock;
  }

  /** The token that counts now; null if one has to be fetched first. Begins to renew a token that is about to end. */
  get current(): string | null {
    if (this.#token === null) return null;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#endsAtMs) return null;
    // Whoever needs the token after its end hears what is wrong.
    if (nowMs >= this.#renewAtMs) this.fetch().catch(() => {});
    return this.#token;
  }

  /** Resolves with a new token. Rejects with a `TokenFault`. */
  fetch(): Promise<string> {
    this.#fetching ??= this.#ask().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  /** The target has answered 401 to this token, so it is not used any more. */
  refused(token: string): void {
    if (this.#token === token) this.#token = null;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #ask(): Promise<string> {
    const askedAtMs = this.#clock.monotonicMs();
    const deadline = AbortSignal.timeout(this.#deadlineMs);
    let status: number;
    let text: string;
    try {
      const answer = await this.#pool.request({
        method: 'POST',
        path: this.#pathPrefix + this.#url.pathname + this.#url.search,
        headers: this.#requestHeaders(),
        body: this.#form().toString(),
        signal: deadline,
      });
      status = answer.statusCode;
      text = (await readUpTo(answer.body, ANSWER_BYTES)).toString('utf8');
    } catch (error) {
      const what = deadline.aborted
        ? `${this.#place}: no answer within ${this.#deadlineMs} ms.`
        : describeFault(error, this.#place, 'token endpoint');
      throw new TokenFault(
        `No token for the target could be had from ${what}`,
        codeOf(error) === 'UND_ERR_INVALID_ARG',
      );
    }
    return this.#take(status, text, askedAtMs);
  }

  #take(status: number, text: string, askedAtMs: number): string {
    const fields = fieldsOf(text);
    const { access_token: token, token_type: type, expires_in: seconds } = fields;
    const answered = `The token endpoint ${this.#place} answered ${status}`;
    const isOk = status >= 200 && status < 300;
    if (!isOk || typeof fields.error === 'string') {
      const isRefusal = isOk || status === 400 || status === 401 || status === 403;
      throw new TokenFault(
        `${answered}${this.#errorIn(fields)}, so nothing was sent to the target${this.#hintOn(status, fields)}.`,
        isRefusal,
      );
    }
    if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
      throw new TokenFault(`${answered} without an access_token: ${formOf(text, fields)}.`, false);
    }
    if (typeof type === 'string' && !BEARER.test(type)) {
      throw new TokenFault(
        `${answered} with a token of the type ${JSON.stringify(answerText(Buffer.from(type.slice(0, 60))))}, which is no bearer token.`,
        false,
      );
    }
    const lifeMs = Number(seconds) > 0 ? Number(seconds) * 1_000 : Number.POSITIVE_INFINITY;
    this.#token = token;
    this.#endsAtMs = askedAtMs + lifeMs;
    this.#renewAtMs = askedAtMs + Math.max(lifeMs * RENEWED_AFTER, lifeMs - RENEWED_BEFORE_END_MS);
    return token;
  }

  /** The error and its description in an answer, in brackets. Never what was sent. Source: RFC 6749, 5.2. */
  #errorIn({ error, error_description: description }: Fields): string {
    if (typeof error !== 'string' || !/^[\w.-]{1,60}$/.test(error)) return '';
    const text = typeof description === 'string' ? answerText(Buffer.from(description.slice(0, 200))) : '';
    const isSafe = text !== '' && !text.includes(this.#client.clientSecret);
    return isSafe ? ` (${error}: ${text.replace(/\.$/, '')})` : ` (${error})`;
  }

  /** What may help after such an answer, as the end of a sentence. */
  #hintOn(status: number, { error }: Fields): string {
    if (status >= 300 && status < 400) return '; redirects are not followed, so give the URL where it is';
    if (status === 404 || status === 405) return '; look at the path of its URL';
    const isOfClient = error === 'invalid_client' || status === 401;
    return isOfClient && this.#client.sendsSecretIn !== 'body'
      ? '; id and secret went as Basic authorization, and some endpoints want them in the body (..._OAUTH_SECRET_IN=body, or "secretIn")'
      : '';
  }

  #form(): URLSearchParams {
    const { scope, audience, clientId, clientSecret, sendsSecretIn } = this.#client;
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (scope !== undefined) form.set('scope', scope);
    if (audience !== undefined) form.set('audience', audience);
    if (sendsSecretIn === 'body') {
      form.set('client_id', clientId);
      form.set('client_secret', clientSecret);
    }
    return form;
  }

  #requestHeaders(): string[] {
    const { clientId, clientSecret, sendsSecretIn } = this.#client;
    const headers = ['accept', 'application/json', 'content-type', 'application/x-www-form-urlencoded'];
    if (sendsSecretIn !== 'body') {
      // RFC 6749, 2.3.1: both are form-encoded first.
      const login = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
      headers.push('authorization', `Basic ${Buffer.from(login).toString('base64')}`);
    } else {
      const authorization = basicAuthorization(this.#url);
      if (authorization !== null) headers.push('authorization', authorization);
    }
    return [...headers, ...this.#headers];
  }
}

/** How endpoints call a token that is sent as `Authorization: Bearer`. */
const BEARER = /^(?:bearer|bearer ?token|jwt)$/i;

type Fields = Readonly<Record<string, unknown>>;

/** The fields of an answer: of JSON, or of a form, in which some endpoints answer. */
function fieldsOf(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
  } catch {
    return /^[\w.-]+=[^\s<]*$/.test(text.trim()) ? Object.fromEntries(new URLSearchParams(text.trim())) : {};
  }
}

/** What an answer is that has no token. Names fields, and never their values. */
function formOf(text: string, fields: Fields): string {
  if (/^\s*</.test(text)) return 'it is a page, so look at its URL';
  const names = Object.keys(fields)
    .slice(0, 8)
    .map((name) => answerText(Buffer.from(name.slice(0, 40))));
  return names.length === 0 ? 'it is no JSON object' : `it has ${names.join(', ')}`;
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
