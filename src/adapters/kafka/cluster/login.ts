import {
  type Callback,
  type SASLOptions,
  saslOAuthBearer,
  saslPlain,
  saslScramSha,
} from '@platformatic/kafka';
import { TributaryError } from '../../../core/errors.ts';

type Authenticate = NonNullable<SASLOptions['authenticate']>;
type AuthenticateApi = Parameters<Authenticate>[2];
type AuthenticateResponse = Awaited<ReturnType<typeof saslPlain.authenticate>>;

/** A login to the brokers by SASL. */
export type KafkaLogin =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      /** Called at every login. Rejects with a message for operators if there is no token. */
      readonly token: () => Promise<string>;
      /** SASL extensions (KIP-342), such as the logical cluster of a hosted Kafka. */
      readonly extensions: Readonly<Record<string, string>>;
    };

/**
 * Whether the login sends a password or a token itself. SCRAM sends only a proof, which an eavesdropper cannot use.
 */
export function showsSecret({ mechanism }: KafkaLogin): boolean {
  return mechanism === 'PLAIN' || mechanism === 'OAUTHBEARER';
}

/**
 * The login in the form that the library takes. Calls `sessionLasts` with the lifetime in ms that the broker gives
 * the connection by this login (KIP-368), if it sets one.
 *
 * The library never learns this lifetime. It would log in again on the same connection after 80 % of it, while other
 * requests are sent, and the broker would answer those with ILLEGAL_SASL_STATE (platformatic/kafka#204). Instead, the
 * caller opens a new connection in time.
 */
export function saslOptionsOf(login: KafkaLogin, sessionLasts: (milliseconds: number) => void): SASLOptions {
  return {
    mechanism: login.mechanism,
    authenticate: (_mechanism, connection, api, _username, _password, _token, callback) => {
      const answered: Callback<AuthenticateResponse> = (error, response) => {
        if (error != null || response === undefined) return callback(error, response as never);
        if (login.mechanism === 'OAUTHBEARER' && response.authBytes.length > 0) {
          // RFC 7628, 3.2.2: a broker refuses a token by a JSON document in an answer without an error code.
          return callback(refusedToken(response.authBytes), undefined as never);
        }
        const lifetimeMs = Number(response.sessionLifetimeMs ?? 0n);
        if (lifetimeMs > 0) sessionLasts(lifetimeMs);
        callback(null, { ...response, sessionLifetimeMs: 0n });
      };
      run(login, api, connection, answered);
    },
  };
}

function run(
  login: KafkaLogin,
  api: AuthenticateApi,
  connection: Parameters<Authenticate>[1],
  answered: Callback<AuthenticateResponse>,
): void {
  if (login.mechanism === 'OAUTHBEARER') {
    login.token().then(
      (token) => saslOAuthBearer.authenticate(api, connection, token, login.extensions, answered),
      (error: Error) => answered(error, undefined as never),
    );
    return;
  }
  const { mechanism, username, password } = login;
  if (mechanism === 'PLAIN') {
    saslPlain.authenticate(api, connection, username, password, answered);
    return;
  }
  const algorithm = mechanism === 'SCRAM-SHA-256' ? 'SHA-256' : 'SHA-512';
  saslScramSha.authenticate(
    api,
    connection,
    algorithm,
    username,
    password,
    saslScramSha.defaultCrypto,
    answered,
  );
}

/** Shows the broker's own word, such as `invalid_token` or `insufficient_scope`, and nothing else of its answer. */
function refusedToken(answer: Buffer): TributaryError {
  const status = /"status"\s*:\s*"([a-z_]{1,40})"/.exec(answer.toString('utf8'))?.[1] ?? 'no reason given';
  return new TributaryError(
    'log_unreachable',
    `The broker refuses the token (${status}): check that it is issued for this cluster, by the issuer and for the audience that the broker expects, and that it has not expired.`,
  );
}
