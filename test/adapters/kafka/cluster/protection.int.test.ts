import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Consumer } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { openEventLog } from '../../../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import type { EventLog } from '../../../../src/ports/event-log.ts';
import { newRecord, TestMember } from '../../../contract/event-log-harness.ts';
import { Program, testFolder, WAITING } from '../../../e2e/programs.ts';
import { services } from '../../../services/context.ts';
import {
  type GuardedBroker,
  type ListenerName,
  PASSWORD,
  startGuardedBroker,
  unsecuredToken,
} from './guarded-broker.ts';

/** The first byte of a TLS handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;

let broker: GuardedBroker;

/** Settings that name files of the broker. A function, because the files exist only once the broker runs. */
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
  ['no protection, where none is configured', 'OPEN', () => ({})],
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
    'TLS to a listener without it',
    'OPEN',
    trusts,
    /does not speak TLS on this port.*nothing is sent without TLS/,
  ],
  ['no TLS to a listener with it', 'GOOD', () => ({}), /set KAFKA_TLS=true/],
  ['an unknown authority', 'GOOD', () => ({ KAFKA_TLS: 'true' }), /KAFKA_TLS_CA_FILE/],
  [
    'a certificate that signed itself',
    'SELFSIGNED',
    trusts,
    /not signed by an authority in the file that KAFKA_TLS_CA_FILE names/,
  ],
  ['a certificate for another name', 'OTHERNAME', trusts, /certificate is for other names.*KAFKA_BROKERS/],
  ['a certificate that expired', 'EXPIRED', trusts, /certificate is not valid now/],
  ['no certificate of the client where one is required', 'MUTUAL', trusts, /KAFKA_TLS_CERT_FILE/],
  [
    "a certificate of the client that the broker's authority did not sign",
    'MUTUAL',
    () => ({
      ...trusts(),
      KAFKA_TLS_CERT_FILE: broker.files.strangerCertificate,
      KAFKA_TLS_KEY_FILE: broker.files.strangerKey,
    }),
    /does not accept the certificate in the file that KAFKA_TLS_CERT_FILE names/,
  ],
  ['no login where one is required, over TLS', 'LOGIN', trusts, /set KAFKA_SASL_MECHANISM/],
  ['no login where one is required, without TLS', 'OPENLOGIN', () => ({}), /set KAFKA_SASL_MECHANISM/],
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
    'a mechanism that the listener does not offer',
    'OPENLOGIN',
    () => login('scram-sha-256'),
    /accepts PLAIN, SCRAM-SHA-512.*KAFKA_SASL_MECHANISM/,
  ],
  [
    'a token that the broker does not accept',
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

  const settingsFor = (listener: ListenerName, given: Given) => ({
    KAFKA_BROKERS: broker.at(listener),
    ...given(),
  });

  /** The log as the programs open it, by the same settings. */
  async function openLog(env: Record<string, string>): Promise<EventLog> {
    const { values } = loadSettings('event-producer', { env });
    const log = await openEventLog(values, systemClock, () => {});
    onTestFinished(() => log.close());
    return log;
  }

  it.each(works)('a record is published with %s', async (_, listener, given) => {
    const env = settingsFor(listener, given);
    const log = await openLog(env);
    broker.taps(listener);
    const topic = `guarded-${randomUUID()}`;
    await log.createTopics([{ topic, partitions: 1 }]);
    const positions = await log.producer().append([newRecord(topic, 'k', 'v')]);
    expect(positions).toEqual([{ topic, partition: 0, offset: 0n }]);
    const first = broker.taps(listener);
    expect(first.length).toBeGreaterThan(0);
    const isTls = 'KAFKA_TLS' in env;
    expect(first.every((bytes) => (bytes[0] === TLS_HANDSHAKE) === isTls)).toBe(true);
  });

  it.each(refusals)('the error names the setting to correct for %s', async (_, listener, given, sentence) => {
    const env = settingsFor(listener, given);
    const log = await openLog(env);
    broker.taps(listener);
    const error: unknown = await log.describe(['order_events']).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'log_unreachable', message: expect.stringMatching(sentence) });
    expect(String(error)).not.toContain(PASSWORD);
    const first = broker.taps(listener);
    if ('KAFKA_TLS' in env) expect(first.filter((bytes) => bytes[0] !== TLS_HANDSHAKE)).toEqual([]);
  });

  it('every program names the setting to correct for a wrong password', async () => {
    const settings = {
      ...settingsFor('LOGIN', () => ({ ...trusts(), ...login('plain', 'wrong') })),
      TRIBUTARY_DATA_DIR: await testFolder(),
      ORDER_SYNC_PORT: '0',
    };
    const sentence = /login is refused.*KAFKA_SASL_PASSWORD/;
    const orderSync = new Program('order-sync', settings);
    await expect.poll(() => orderSync.stderr, WAITING).toMatch(sentence);
    await orderSync.kill();
    expect(orderSync.stderr).not.toMatch(/^\s+at /m);
    for (const [app, given] of [
      ['event-producer', ['o', 'order123']],
      ['order-sync', ['partitions']],
    ] as const) {
      const program = new Program(app, settings, given);
      const { code } = await program.exited;
      expect(program.stderr.trim().split('\n')).toEqual([expect.stringMatching(sentence)]);
      expect(code).toBe(4);
    }
  });

  it('an advertised address that is unknown gives another message than a wrong address in KAFKA_BROKERS', async () => {
    const lost = await openLog(settingsFor('LOST', () => ({})));
    const topic = `lost-${randomUUID()}`;
    const open = await openLog(settingsFor('OPEN', () => ({})));
    await open.createTopics([{ topic, partitions: 1 }]);
    const error: unknown = await lost
      .producer()
      .append([newRecord(topic, 'k', 'v')])
      .catch((failure: unknown) => failure);
    expect(String(error)).toContain(`the brokers at KAFKA_BROKERS (${broker.at('LOST')}) name it`);
    expect(String(error)).toMatch(/kafka\.invalid:9092.*advertised\.listeners/);
    const wrong = await openLog({ KAFKA_BROKERS: 'kafka.invalid:9092' });
    const other: unknown = await wrong.describe([topic]).catch((failure: unknown) => failure);
    expect(String(other)).toMatch(/kafka\.invalid:9092.*not known/);
    expect(String(other)).not.toContain('advertised');
  });

  it('the health names the group and the remedy when another program is a member of the group', async () => {
    const group = `other-${randomUUID()}`;
    const log = await openLog(settingsFor('OPEN', () => ({})));
    await log.createTopics([{ topic: group, partitions: 1 }]);
    const other = new Consumer({
      clientId: 'other',
      groupId: group,
      bootstrapBrokers: [broker.at('OPEN')],
      autocommit: false,
    });
    const stream = await other.consume({ topics: [group], mode: 'earliest' });
    stream.on('data', () => {});
    onTestFinished(async () => {
      await stream.close();
      await other.close(true);
    });
    const consumer = log.consumer({ group, topics: [group], maxBufferedBytes: 1 << 20 });
    await new TestMember(consumer, 60_000).start();
    await expect
      .poll(() => consumer.health(), WAITING)
      .toMatchObject({
        reason: expect.stringMatching(
          new RegExp(`another program is a member of the group ${group}: stop it, or set ORDER_SYNC_GROUP`),
        ),
      });
  });

  it('a broker whose sessions last 3 s is read and written for 10 s, while the token file is renewed', async () => {
    const path = join(broker.folder, 'rotating');
    writeFileSync(path, unsecuredToken(4));
    const log = await openLog({
      ...settingsFor('SHORT', trusts),
      KAFKA_SASL_MECHANISM: 'oauthbearer',
      KAFKA_SASL_OAUTH_TOKEN_FILE: path,
    });
    const topic = `short-${randomUUID()}`;
    await log.createTopics([{ topic, partitions: 1 }]);
    const consumer = log.consumer({ group: topic, topics: [topic], maxBufferedBytes: 1 << 20 });
    const member = await (await new TestMember(consumer, 60_000).start()).untilHolds(1);
    const producer = log.producer();
    broker.taps('SHORT');
    for (let second = 0; second < 10; second++) {
      writeFileSync(path, unsecuredToken(4));
      await producer.append([newRecord(topic, 'k', `${second}`)]);
      await pause(1_000);
    }
    const records = await member.read([{ topic, partition: 0 }], 10);
    expect(records.map(({ value }) => Buffer.from(value ?? []).toString())).toEqual(
      Array.from({ length: 10 }, (_, second) => `${second}`),
    );
    // The connections that were open at first did not last, so that new ones took their places.
    expect(broker.taps('SHORT').length).toBeGreaterThan(3);
    expect(member.calls.filter(({ kind }) => kind === 'lost')).toEqual([]);
  });
});
