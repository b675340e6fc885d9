import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program, testFolder } from '../../e2e/programs.ts';
import { services } from '../../services/context.ts';
import {
  type GuardedBroker,
  type ListenerName,
  PASSWORD,
  startGuardedBroker,
  unsecuredToken,
} from './guarded-broker.ts';

/** A handshake of TLS begins with this byte (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;

let broker: GuardedBroker;

/** What is set, by the broker's files; a function, since they are not there before the broker is. */
type Given = () => Record<string, string>;

const trusts: Given = () => ({ KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: broker.files.authority });
const login = (mechanism: string, password = PASSWORD) => ({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USERNAME: 'alice',
  KAFKA_SASL_PASSWORD: password,
});
const ownCertificate: Given = () => ({
  KAFKA_TLS_CERT_FILE: broker.files.clientCertificate,
  KAFKA_TLS_KEY_FILE: broker.files.clientKey,
});
const tokenFile = (token: string) => {
  const path = join(broker.folder, `token-${Math.random()}`);
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  return { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTH_TOKEN_FILE: path };
};

const works: readonly [what: string, listener: ListenerName, given: Given][] = [
  ['no protection, where none is asked for', 'OPEN', () => ({})],
  ['TLS by a private authority', 'GOOD', trusts],
  ['a certificate of the client', 'MUTUAL', () => ({ ...trusts(), ...ownCertificate() })],
  ['TLS and PLAIN', 'LOGIN', () => ({ ...trusts(), ...login('plain') })],
  ['TLS and SCRAM-SHA-256', 'LOGIN', () => ({ ...trusts(), ...login('scram-sha-256') })],
  ['TLS and SCRAM-SHA-512', 'LOGIN', () => ({ ...trusts(), ...login('scram-sha-512') })],
  ['TLS and a token from a file', 'LOGIN', () => ({ ...trusts(), ...tokenFile(unsecuredToken(600)) })],
  ['PLAIN without TLS on loopback', 'OPENLOGIN', () => login('plain')],
];

const refusals: readonly [what: string, listener: ListenerName, given: Given, sentence: RegExp][] = [
  [
    'TLS asked of a listener without it',
    'OPEN',
    trusts,
    /does not speak TLS on this port.*nothing is sent without TLS/,
  ],
  ['no TLS asked of a listener with it', 'GOOD', () => ({}), /set KAFKA_TLS=true/],
  ['an authority that is not known', 'GOOD', () => ({ KAFKA_TLS: 'true' }), /KAFKA_TLS_CA_FILE/],
  [
    'a certificate that signed itself',
    'SELFSIGNED',
    trusts,
    /not signed by an authority in the file that KAFKA_TLS_CA_FILE names/,
  ],
  ['a certificate for another name', 'OTHERNAME', trusts, /certificate is for other names.*KAFKA_BROKERS/],
  ['a certificate that expired', 'EXPIRED', trusts, /certificate is not valid now/],
  ['no certificate of the client where one is wanted', 'MUTUAL', trusts, /KAFKA_TLS_CERT_FILE/],
  [
    "a certificate of the client that the broker's authority did not sign",
    'MUTUAL',
    () => ({
      ...trusts(),
      KAFKA_TLS_CERT_FILE: broker.files.strangerCertificate,
      KAFKA_TLS_KEY_FILE: broker.files.strangerKey,
    }),
    /does not take the certificate in the file that KAFKA_TLS_CERT_FILE names/,
  ],
  ['no login where one is wanted, over TLS', 'LOGIN', trusts, /set KAFKA_SASL_MECHANISM/],
  ['no login where one is wanted, without TLS', 'OPENLOGIN', () => ({}), /set KAFKA_SASL_MECHANISM/],
  [
    'a wrong password by PLAIN',
    'LOGIN',
    () => ({ ...trusts(), ...login('plain', 'wrong') }),
    /login is refused.*KAFKA_SASL_PASSWORD/,
  ],
  [
    'a wrong password by SCRAM',
    'LOGIN',
    () => ({ ...trusts(), ...login('scram-sha-512', 'wrong') }),
    /login is refused.*KAFKA_SASL_PASSWORD/,
  ],
  [
    'a mechanism that the listener has not',
    'OPENLOGIN',
    () => login('scram-sha-256'),
    /takes PLAIN, SCRAM-SHA-512.*KAFKA_SASL_MECHANISM/,
  ],
  [
    'a token that the broker does not take',
    'LOGIN',
    () => ({ ...trusts(), ...tokenFile('this.is.none') }),
    /refuses the token \(invalid_token\)/,
  ],
  [
    'a token that expired',
    'LOGIN',
    () => ({ ...trusts(), ...tokenFile(unsecuredToken(-60)) }),
    /KAFKA_SASL_OAUTH_TOKEN_FILE names, expired at/,
  ],
];

describe.skipIf(services().lacks('kafka'))('a broker with TLS and logins', () => {
  beforeAll(async () => {
    broker = await startGuardedBroker();
  }, 300_000);
  afterAll(() => broker?.stop());

  async function settingsFor(listener: ListenerName, given: Given): Promise<Record<string, string>> {
    return {
      TRIBUTARY_DATA_DIR: await testFolder(),
      KAFKA_BROKERS: broker.at(listener),
      ORDER_SYNC_PORT: '0',
      ...given(),
    };
  }

  it.each(works)('is published to with %s', async (_, listener, given) => {
    const settings = await settingsFor(listener, given);
    broker.taps(listener);
    const program = new Program('event-producer', settings, ['o', 'order123', '--create-topics']);
    const { code } = await program.exited;
    expect(program.stderr).not.toMatch(/error|warn/i);
    expect(code).toBe(0);
    const first = broker.taps(listener);
    expect(first.length).toBeGreaterThan(0);
    expect(first.every((bytes) => bytes[0] === TLS_HANDSHAKE)).toBe(settings.KAFKA_TLS === 'true');
  });

  it.each(refusals)('names the setting that helps: %s', async (_, listener, given, sentence) => {
    const settings = await settingsFor(listener, given);
    broker.taps(listener);
    const producer = new Program('event-producer', settings, ['o', 'order123']);
    const command = new Program('order-sync', settings, ['partitions']);
    const orderSync = new Program('order-sync', settings);
    for (const program of [producer, command]) {
      const { code } = await program.exited;
      expect(program.stderr).toMatch(sentence);
      expect(program.stderr.trim().split('\n')).toHaveLength(1);
      expect(code).toBe(4);
    }
    await expect.poll(() => orderSync.stderr, { timeout: 30_000 }).toMatch(sentence);
    expect(orderSync.stderr).not.toMatch(/^\s+at /m);
    await orderSync.kill();
    const all = `${producer.stderr}${command.stderr}${orderSync.stderr}`;
    expect(all).not.toContain(PASSWORD);
    if (settings.KAFKA_TLS === 'true') {
      expect(broker.taps(listener).filter((bytes) => bytes[0] !== TLS_HANDSHAKE)).toEqual([]);
    }
  });
});
