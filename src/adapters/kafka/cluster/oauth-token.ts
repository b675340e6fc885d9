import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { messageOf, TributaryError } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';

/*
 * The sources of the token for a login by OAUTHBEARER. Each connection asks for a token when it logs in, and is
 * replaced before its token expires.
 */

/**
 * Reads the token from the file at every login. A sidecar or a mounted volume has to replace it before it expires.
 */
export function tokenFromFile(path: string, clock: Pick<Clock, 'now'>): () => Promise<string> {
  return async () => {
    const token = await readFile(path, 'utf8').then(
      (text) => text.trim(),
      (error: unknown) => {
        throw noToken(
          `KAFKA_SASL_OAUTH_TOKEN_FILE names ${path}, which cannot be read (${messageOf(error)}): name a readable file.`,
        );
      },
    );
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw noToken(
        `KAFKA_SASL_OAUTH_TOKEN_FILE names ${path}, which does not hold one token: it has to hold the token alone.`,
      );
    }
    const expiresAtMs = expiryOf(token);
    if (expiresAtMs !== null && expiresAtMs <= clock.now()) {
      throw noToken(
        `The token in ${path}, which KAFKA_SASL_OAUTH_TOKEN_FILE names, expired at ${new Date(expiresAtMs).toISOString()}: ` +
          'check the program that writes the file. It is read again at the next try.',
      );
    }
    return token;
  };
}

export interface TokenEndpoint {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string | undefined;
  readonly audience?: string | undefined;
  /** The authorities that sign the endpoint's certificate, as PEM. Default: those of the system. */
  readonly ca?: Buffer | undefined;
}

/** A new token is asked for after this part of a token's lifetime. */
const RENEW_AFTER = 0.7;
/** The lifetime of a token without an expiry. */
const UNKNOWN_LIFE_MS = 60_000;
const ANSWER_DEADLINE_MS = 4_000;
const ANSWER_BYTES_MAX = 65_536;

/**
 * Asks an OAuth 2.0 token endpoint by the client credentials grant (RFC 6749, 4.4), with the client's name and secret
 * by HTTP Basic. Keeps a token for 70 % of its lifetime or, if the endpoint fails then, until it expires.
 */
export function tokenFromEndpoint(endpoint: TokenEndpoint, clock: Pick<Clock, 'now'>): () => Promise<string> {
  const agent = new Agent(endpoint.ca === undefined ? {} : { connect: { ca: endpoint.ca } });
  let kept: { readonly token: string; readonly renewAtMs: number; readonly expiresAtMs: number } | null =
    null;
  let asking: Promise<string> | null = null;
  const renew = async (): Promise<string> => {
    const askedAtMs = clock.now();
    try {
      const { token, lifeMs } = await ask(endpoint, agent);
      const expiresAtMs = Math.min(
        expiryOf(token) ?? Number.POSITIVE_INFINITY,
        askedAtMs + (lifeMs ?? Number.POSITIVE_INFINITY),
      );
      const known = Number.isFinite(expiresAtMs) ? expiresAtMs : askedAtMs + UNKNOWN_LIFE_MS;
      kept = { token, expiresAtMs: known, renewAtMs: askedAtMs + (known - askedAtMs) * RENEW_AFTER };
      return token;
    } catch (error) {
      if (kept !== null && clock.now() < kept.expiresAtMs) return kept.token;
      throw error;
    } finally {
      asking = null;
    }
  };
  return async () => {
    if (kept !== null && clock.now() < kept.renewAtMs) return kept.token;
    asking ??= renew();
    return asking;
  };
}

async function ask(
  { url, clientId, clientSecret, scope, audience }: TokenEndpoint,
  agent: Agent,
): Promise<{ token: string; lifeMs: number | null }> {
  const place = new URL(url);
  const shown = `${place.origin}${place.pathname}`;
  // RFC 6749, 2.3.1: the name and the secret are form-encoded first.
  const login = Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64');
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== undefined) form.set('scope', scope);
  if (audience !== undefined) form.set('audience', audience);
  let status: number;
  let text: string;
  try {
    const answer = await request(url, {
      method: 'POST',
      headers: {
        authorization: `Basic ${login}`,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: form.toString(),
      dispatcher: agent,
      signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
    });
    status = answer.statusCode;
    text = await limitedText(answer.body);
  } catch (error) {
    throw noToken(
      `The token endpoint ${shown} (KAFKA_SASL_OAUTH_TOKEN_URL) gives no answer: ${causeOf(error)}. ` +
        'Check that it can be reached from here. If a private authority signs its certificate, name that one in KAFKA_SASL_OAUTH_CA_FILE.',
    );
  }
  if (status === 400 || status === 401 || status === 403) {
    throw noToken(
      `The token endpoint ${shown} refuses the client (${status}${errorWord(text)}): correct KAFKA_SASL_OAUTH_CLIENT_ID, ` +
        'KAFKA_SASL_OAUTH_CLIENT_SECRET or KAFKA_SASL_OAUTH_SCOPE.',
    );
  }
  const { access_token: token, expires_in: expiresIn } = fieldsOf(text);
  if (status !== 200 || typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw noToken(
      `The token endpoint ${shown} answers ${status} without a token${errorWord(text)}: correct KAFKA_SASL_OAUTH_TOKEN_URL.`,
    );
  }
  // Some endpoints write the number as a text.
  const seconds = Number(expiresIn);
  return { token, lifeMs: seconds > 0 ? seconds * 1_000 : null };
}

async function limitedText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.byteLength;
    if (bytes > ANSWER_BYTES_MAX) throw noToken(`its answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The error code of the answer (RFC 6749, 5.2), with a comma in front. Empty if there is none. */
function errorWord(text: string): string {
  const { error } = fieldsOf(text);
  return typeof error === 'string' && /^[\w-]{1,60}$/.test(error) ? `, ${error}` : '';
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return messageOf(cause) || String((cause as { code?: unknown }).code ?? 'no reason given');
}

function noToken(message: string): TributaryError {
  return new TributaryError('log_unreachable', message);
}

/** The time at which a JWT expires, in ms. Null for other tokens, and for a JWT without an expiry. */
export function expiryOf(token: string): number | null {
  const [, claims = ''] = token.split('.');
  const { exp } = fieldsOf(Buffer.from(claims, 'base64url').toString('utf8'));
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : null;
}
