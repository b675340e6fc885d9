import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openSession, type ProducerContext } from '../../../src/apps/event-producer/session.ts';
import type * as OpenLog from '../../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import type { Readers } from '../../../src/ports/event-log.ts';
import { fakeHost } from '../shared/cli/fake-host.ts';
import { FakeProducer } from './fake-log.ts';

/** A log without topics, and the topics that were made. */
const log = vi.hoisted(() => ({ readers: 'now', made: [] as string[], producer: null as unknown }));

vi.mock('../../../src/apps/shared/parts/open-log.ts', async (original) => ({
  ...(await original<typeof OpenLog>()),
  openEventLog: async () => ({
    describe: async () => [],
    createTopics: async (topics: readonly { topic: string }[]) =>
      void log.made.push(...topics.map(({ topic }) => topic)),
    readers: async () => log.readers,
    producer: () => log.producer,
    close: async () => {},
  }),
}));

/** Opens a session with these settings, publishes nothing, and answers with what it tells and what it makes. */
async function session(env: Readonly<Record<string, string>>, readers: Readers, mayCreate = false) {
  const host = fakeHost([]);
  const { values } = loadSettings('event-producer', { env });
  Object.assign(log, { readers, producer: new FakeProducer() });
  log.made.length = 0;
  const context = { settings: values, host, logger: () => {}, shutdown: { defer() {} }, isQuiet: false };
  const opened = await openSession(context as unknown as ProducerContext, systemClock, mayCreate);
  return { ...opened, host, made: [...log.made] };
}

const KAFKA = { KAFKA_BROKERS: 'a:9092' };
const TOPICS = ['order_events', 'payment_events'];

describe('a session of event-producer', () => {
  it('makes missing topics on the embedded log, and on Kafka only if somebody asks for it', async () => {
    expect((await session({}, 'now')).made).toEqual(TOPICS);
    expect((await session(KAFKA, 'now', true)).made).toEqual(TOPICS);
    await expect(session(KAFKA, 'now')).rejects.toMatchObject({ code: 'topic_missing' });
    expect(log.made).toEqual([]);
  });

  it.each<[Readers, RegExp | null]>([
    ['now', null],
    ['unknown', null],
    ['earlier', /^note: no order-sync reads this log now\. Start one on it: npm start/m],
    ['never', /^note: no order-sync has ever read this log\. Start one on it: npm start/m],
  ])('says what to start if the log is read: %s', async (readers, note) => {
    const { tellPublished, host } = await session({}, readers);
    await tellPublished(1);
    if (note === null) expect(host.stderr.text).not.toContain('note:');
    else expect(host.stderr.text).toMatch(note);
  });

  it('tells the number of events, and that of the refused ones where some may be', async () => {
    const { tellPublished, host } = await session({}, 'now');
    await tellPublished(1);
    await tellPublished(2, 0);
    await tellPublished(0, 3);
    const told = host.stderr.text
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/the embedded.*?(?=,|$)/, 'it'));
    expect(told).toEqual([
      '1 event published to it',
      '2 events published to it, 0 refused',
      '0 events published to it, 3 refused',
    ]);
  });
});
