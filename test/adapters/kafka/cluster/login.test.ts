import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type KafkaLogin, saslOptionsOf } from '../../../../src/adapters/kafka/cluster/login.ts';

interface Answer {
  readonly authBytes: Buffer;
  readonly sessionLifetimeMs: bigint;
}
type Done = (error: Error | null, answer?: Answer) => void;

/** The answers of a broker to the messages of one login. */
type Broker = (message: string) => Answer | Error;

/** Logs in once. Resolves with the answer that the library gets, and with the lifetimes that were told. */
async function logIn(login: KafkaLogin, broker: Broker) {
  const lifetimesMs: number[] = [];
  const sent: string[] = [];
  const { authenticate } = saslOptionsOf(login, (milliseconds) => lifetimesMs.push(milliseconds));
  const api = (_connection: unknown, message: Buffer, done: Done) => {
    sent.push(message.toString());
    const answer = broker(message.toString());
    queueMicrotask(() => (answer instanceof Error ? done(answer) : done(null, answer)));
  };
  const answer = await new Promise<Answer>((resolve, reject) => {
    const done: Done = (error, found) => (error === null ? resolve(found as Answer) : reject(error));
    authenticate?.(
      login.mechanism,
      {} as never,
      api as never,
      undefined,
      undefined,
      undefined,
      done as never,
    );
  });
  return { answer, lifetimesMs, sent };
}

const accepted = (sessionLifetimeMs: bigint): Answer => ({ authBytes: Buffer.alloc(0), sessionLifetimeMs });
const plain: KafkaLogin = { mechanism: 'PLAIN', username: 'user', password: 'word' };
const oauth = (token: () => Promise<string>): KafkaLogin => ({
  mechanism: 'OAUTHBEARER',
  token,
  extensions: { logicalCluster: 'lkc-1' },
});

describe('a login', () => {
  it('a login tells the lifetime that the broker gives it, and hides it from the library', async () => {
    const { answer, lifetimesMs, sent } = await logIn(plain, () => accepted(1n));
    expect(sent).toEqual(['\0user\0word']);
    expect(lifetimesMs).toEqual([1]);
    expect(answer.sessionLifetimeMs).toBe(0n);
  });

  it('a login tells no lifetime if the broker sets none', async () => {
    expect((await logIn(plain, () => accepted(0n))).lifetimesMs).toEqual([]);
  });

  it('a login rejects with the error of the broker, and tells no lifetime', async () => {
    await expect(logIn(plain, () => new Error('refused'))).rejects.toThrow('refused');
  });

  it.each([
    ['SCRAM-SHA-256', 'sha256', 32],
    ['SCRAM-SHA-512', 'sha512', 64],
  ] as const)('a login by %s proves the password by %s', async (mechanism, algorithm, length) => {
    const scram = scramBroker(algorithm, length, 'word');
    const { answer, lifetimesMs } = await logIn({ mechanism, username: 'user', password: 'word' }, scram);
    expect(answer.authBytes.toString()).toMatch(/^v=/);
    expect(lifetimesMs).toEqual([7_000]);
  });
});

describe('a login by token', () => {
  it('a login sends a new token and the extensions', async () => {
    const { sent } = await logIn(
      oauth(async () => 'abc'),
      () => accepted(0n),
    );
    expect(sent).toEqual(['n,,\x01auth=Bearer abc\x01logicalCluster=lkc-1\x01\x01']);
  });

  it('a login without a token rejects with the reason, and sends nothing', async () => {
    const login = oauth(() => Promise.reject(new Error('no token just now')));
    await expect(logIn(login, () => accepted(0n))).rejects.toThrow('no token just now');
  });

  it('a token that the broker refuses in an answer without an error code fails the login', async () => {
    const refusal = {
      authBytes: Buffer.from('{"status":"invalid_token","secret":"s"}'),
      sessionLifetimeMs: 5n,
    };
    const failed = logIn(
      oauth(async () => 'abc'),
      () => refusal,
    );
    await expect(failed).rejects.toMatchObject({
      code: 'log_unreachable',
      message: expect.stringMatching(/^The broker refuses the token \(invalid_token\): /),
    });
    await expect(failed).rejects.not.toThrow('secret');
  });
});

/** A broker that knows the user's password, by RFC 5802. It refuses another proof. */
function scramBroker(algorithm: 'sha256' | 'sha512', length: number, password: string): Broker {
  const salt = Buffer.from('salt');
  const salted = pbkdf2Sync(password, salt, 4_096, length, algorithm);
  const hmac = (key: Buffer, text: string) => createHmac(algorithm, key).update(text).digest();
  const begun: string[] = [];
  return (message) => {
    if (begun.length === 0) {
      const bare = message.slice('n,,'.length);
      const nonce = /r=(.+)$/.exec(bare)?.[1];
      const answer = `r=${nonce}server,s=${salt.toString('base64')},i=4096`;
      begun.push(bare, answer);
      return { authBytes: Buffer.from(answer), sessionLifetimeMs: 0n };
    }
    const [withoutProof = '', proof = ''] = message.split(',p=');
    const signed = [...begun, withoutProof].join(',');
    const key = hmac(salted, 'Client Key');
    const signature = hmac(createHash(algorithm).update(key).digest(), signed);
    const expected = Buffer.from(key.map((byte, at) => byte ^ (signature[at] as number))).toString('base64');
    if (proof !== expected) return new Error('The proof is wrong.');
    const verifier = hmac(hmac(salted, 'Server Key'), signed).toString('base64');
    return { authBytes: Buffer.from(`v=${verifier}`), sessionLifetimeMs: 7_000n };
  };
}
