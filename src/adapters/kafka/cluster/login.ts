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

/** How to log in to the brokers. */
export type KafkaLogin =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      /** Asked at every login. Rejects with a sentence for people if there is no token. */
      readonly token: () => Promise<string>;
      /** SASL extensions (KIP-342), such as the logical cluster of a hosted Kafka. */
      readonly extensions: Readonly<Record<string, string>>;
    };

/** Whether a listener on the network can use what is sent: a password or a token, and not a proof of one. */
export function showsSecret({ mechanism }: KafkaLogin): boolean {
  return mechanism === 'PLAIN' || mechanism === 'OAUTHBEARER';
}

/**
 * The login as the library takes it. `sessionLasts` is told for how many milliseconds the broker lets the connection
 * live by this login (KIP-368); it is not told if the broker sets no limit.
 *
 * The library would log in again on the same connection at 80 % of that time, while other requests are sent on it, and
 * the broker answers those with ILLEGAL_SASL_STATE (platformatic/kafka#204). So it learns no limit from here, and the
 * caller opens a new connection in time.
 */
export function saslOptionsOf(login: KafkaLogin, sessionLasts: (milliseconds: number) => void): SASLOptions {
  return {
    mechanism: login.mechanism,
    authenticate: (_mechanism, connection, api, _username, _password, _token, callback) => {
      const answered: Callback<AuthenticateResponse> = (error, response) => {
        if (error != null || response === undefined) return callback(error, response as never);
        if (login.mechanism === 'OAUTHBEARER' && response.authBytes.length > 0) {
          // RFC 7628, 3.2.2: the refusal of a token is a JSON document in an answer without an error code.
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

/** The broker's own word for it: `invalid_token` or `insufficient_scope`; whatever else it sends is not shown. */
function refusedToken(answer: Buffer): TributaryError {
  const status = /"status"\s*:\s*"([a-z_]{1,40})"/.exec(answer.toString('utf8'))?.[1] ?? 'no reason given';
  return new TributaryError(
    'log_unreachable',
    `The broker refuses the token (${status}): see that it is issued for this cluster, by the issuer and for the audience that the broker expects, and has not expired.`,
  );
}
