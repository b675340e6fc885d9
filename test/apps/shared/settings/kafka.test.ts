import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { openEventLog } from '../../../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import { makeCertificate } from '../../../helpers/certificates.ts';

type Env = Readonly<Record<string, string>>;
const remote = { KAFKA_BROKERS: 'localhost:9092,kafka.example:9092' };
const password = { KAFKA_SASL_USERNAME: 'alice', KAFKA_SASL_PASSWORD: 'not to be shown' };
const plain = { KAFKA_SASL_MECHANISM: 'plain', ...password };
const scram = { KAFKA_SASL_MECHANISM: 'scram-sha-512', ...password };
const token = { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTH_TOKEN_FILE: '/run/token' };
const client = { KAFKA_SASL_OAUTH_CLIENT_ID: 'sync', KAFKA_SASL_OAUTH_CLIENT_SECRET: 'not to be shown' };
const endpoint = { KAFKA_SASL_MECHANISM: 'oauthbearer', ...client };

const load = (env: Env) => loadSettings('event-producer', { env }).values;

async function warningsOf(env: Env): Promise<string[]> {
  const lines: string[] = [];
  const log = await openEventLog(load(env), systemClock, (level, message) =>
    lines.push(`${level}: ${message}`),
  );
  await log.close();
  return lines;
}

describe('the settings for Kafka', () => {
  it.each<[what: string, env: Env, sentence: RegExp]>([
    [
      'a password in plain text to another machine',
      { ...remote, ...plain },
      /kafka\.example:9092 in plain text.*KAFKA_TLS=true.*KAFKA_ALLOW_LOGIN_WITHOUT_TLS/,
    ],
    [
      'a token in plain text to another machine',
      { ...remote, ...token },
      /the token would be sent to kafka\.example:9092/,
    ],
    [
      'a client secret by plain HTTP',
      { KAFKA_TLS: 'true', ...remote, ...endpoint, KAFKA_SASL_OAUTH_TOKEN_URL: 'http://login.example/token' },
      /login\.example by plain HTTP/,
    ],
    [
      'oauthbearer without a token',
      { KAFKA_SASL_MECHANISM: 'oauthbearer' },
      /KAFKA_SASL_OAUTH_TOKEN_FILE, or KAFKA_SASL_OAUTH_TOKEN_URL/,
    ],
    [
      'oauthbearer with two',
      { ...token, ...client, KAFKA_SASL_OAUTH_TOKEN_URL: 'https://login.example/token' },
      /set either/,
    ],
    [
      'an endpoint without its client',
      { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTH_TOKEN_URL: 'https://login.example/token' },
      /KAFKA_SASL_OAUTH_CLIENT_ID/,
    ],
    [
      'a token without the mechanism',
      { KAFKA_SASL_OAUTH_TOKEN_FILE: '/run/token' },
      /KAFKA_SASL_MECHANISM=oauthbearer/,
    ],
    ['a password alone', { KAFKA_SASL_PASSWORD: 'not to be shown' }, /KAFKA_SASL_USERNAME/],
    [
      'a certificate without its key',
      { KAFKA_TLS: 'true', KAFKA_TLS_CERT_FILE: '/c.pem' },
      /KAFKA_TLS_CERT_FILE is set without KAFKA_TLS_KEY_FILE/,
    ],
    [
      'a key without its certificate',
      { KAFKA_TLS: 'true', KAFKA_TLS_KEY_FILE: '/k.pem' },
      /KAFKA_TLS_KEY_FILE is set without KAFKA_TLS_CERT_FILE/,
    ],
    [
      'a certificate without TLS',
      { KAFKA_TLS_CERT_FILE: '/c.pem', KAFKA_TLS_KEY_FILE: '/k.pem' },
      /KAFKA_TLS is false/,
    ],
    [
      'an extension without a value',
      { ...token, KAFKA_SASL_OAUTH_EXTENSIONS: 'logicalCluster' },
      /name=value/,
    ],
  ])('loadSettings refuses %s', (_, env, sentence) => {
    expect(() => load(env)).toThrow(sentence);
    expect(() => load(env)).not.toThrow('not to be shown');
  });

  it.each<[what: string, env: Env]>([
    ['a password over TLS', { ...remote, ...plain, KAFKA_TLS: 'true' }],
    [
      'a password in plain text on loopback',
      { KAFKA_BROKERS: 'localhost:9092,127.0.0.1:9093,[::1]:9094', ...plain },
    ],
    [
      'a password in plain text that somebody allows',
      { ...remote, ...plain, KAFKA_ALLOW_LOGIN_WITHOUT_TLS: 'true' },
    ],
    ['SCRAM, which shows no password', { ...remote, ...scram }],
  ])('loadSettings allows %s', (_, env) => {
    expect(() => load(env)).not.toThrow();
  });

  it('openEventLog warns once if others can read and change the traffic', async () => {
    expect(await warningsOf(remote)).toEqual([
      expect.stringMatching(/kafka\.example:9092 .*without a login.*KAFKA_TLS=true/),
    ]);
    expect(await warningsOf({ ...remote, ...scram })).toEqual([
      expect.stringMatching(/with a login by scram-sha-512/),
    ]);
    expect(await warningsOf({ ...remote, KAFKA_TLS: 'true' })).toEqual([]);
    expect(await warningsOf({ KAFKA_BROKERS: 'localhost:9092' })).toEqual([]);
  });

  it('openEventLog refuses a file without certificates, and a key of another certificate', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-kafka-settings-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const write = async (name: string, content: string) => {
      await writeFile(join(folder, name), content, { mode: 0o600 });
      return join(folder, name);
    };
    const [one, other] = [makeCertificate({ commonName: 'one' }), makeCertificate({ commonName: 'other' })];
    const cert = await write('one.pem', one.certificatePem);
    const key = await write('one.key', one.keyPem);
    const otherKey = await write('other.key', other.keyPem);
    const empty = await write('empty.pem', '');
    const tls = { ...remote, KAFKA_TLS: 'true' };
    expect(await warningsOf({ ...tls, KAFKA_TLS_CERT_FILE: cert, KAFKA_TLS_KEY_FILE: key })).toEqual([]);
    await expect(
      warningsOf({ ...tls, KAFKA_TLS_CERT_FILE: cert, KAFKA_TLS_KEY_FILE: otherKey }),
    ).rejects.toThrow(/does not belong to the first certificate/);
    await expect(
      warningsOf({ ...tls, KAFKA_TLS_CERT_FILE: cert, KAFKA_TLS_KEY_FILE: empty }),
    ).rejects.toThrow(/holds no readable private key/);
    await expect(warningsOf({ ...tls, KAFKA_TLS_CA_FILE: empty })).rejects.toThrow(
      /KAFKA_TLS_CA_FILE.*holds no certificate/,
    );
    await expect(warningsOf({ ...tls, KAFKA_TLS_CA_FILE: join(folder, 'none') })).rejects.toThrow(
      /cannot be read/,
    );
  });
});
