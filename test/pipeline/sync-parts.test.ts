import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../src/core/errors.ts';
import type { ConsumerOptions } from '../../src/ports/event-log.ts';
import type { SpanStart, Tracing } from '../../src/ports/tracing.ts';
import { wrap } from './ingest/harness.ts';
import { created, paid } from './sync-place.ts';
import { ready, SyncTwins } from './sync-twins.ts';

const TOPICS = ['order_events', 'payment_events'];

/** The reasons of the records in quarantine. */
async function refusedOf(twins: SyncTwins): Promise<string[]> {
  const found = await twins.store.readQuarantine({ state: 'all', after: null, limit: 100 });
  return found.map(({ reason }) => reason);
}

describe('the topics of a pipeline', () => {
  it('the topics of the domain count once each, sorted by name', () => {
    expect(new SyncTwins().sync().topics).toEqual(TOPICS);
  });

  it('topics get the names that the settings give them', () => {
    const twins = new SyncTwins();
    expect(twins.sync({ topicNames: { payment_events: 'a' } }).topics).toEqual(['a', 'order_events']);
    const both = { payment_events: 'all', order_events: 'all' };
    expect(twins.sync({ topicNames: both }).topics).toEqual(['all']);
  });

  it('topics get read under the names that the settings give them', async () => {
    const twins = new SyncTwins({ topics: ['order_events', 'money'] });
    const sync = twins.sync({ topicNames: { payment_events: 'money' } });
    await twins.settled(sync.start());
    twins.append(
      ...ready('a').map((record, index) => (index === 0 ? record : { ...record, topic: 'money' })),
    );
    await twins.until(() => twins.sent.length > 0);
    expect(twins.sent[0]).toMatchObject({ entityId: 'a', version: 2 });
  });

  it('a program that wants to makes the topics before it looks for them', async () => {
    const twins = new SyncTwins({ topics: [] });
    let tries = 0;
    const makeTopics = async () => {
      if (++tries === 1) throw new TributaryError('log_unreachable', 'The log does not answer.');
      for (const topic of TOPICS) twins.simulated.createTopic(topic, 1);
    };
    await twins.settled(twins.sync({ makeTopics }).start());
    expect(tries).toBe(2);
    expect(twins.logged.filter((line) => line.includes('Waiting'))).toEqual([
      'warn: Waiting: The log does not answer.',
    ]);
  });

  it('the health names all topics that are missing', async () => {
    const twins = new SyncTwins({ topics: [] });
    const sync = twins.sync();
    void sync.start();
    await twins.clock.advance(100);
    expect(await sync.health()).toEqual({
      ok: false,
      reason: 'There is no topic order_events and no topic payment_events; create it.',
      summary: 'event log: a topic is missing',
    });
  });

  it('records of other topics in the store raise a warning', async () => {
    const twins = new SyncTwins({ topics: [...TOPICS, 'old_payments'] });
    const first = twins.sync({ topicNames: { payment_events: 'old_payments' } });
    await twins.settled(first.start());
    await twins.until(() => first.status().ingest?.owned.length === 4);
    await twins.settled(first.stop());
    expect(twins.logged.join()).not.toContain('This database has records');
    await twins.settled(twins.sync().start());
    expect(twins.logged.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringContaining('This database has records of the topics old_payments,'),
    ]);
  });
});

describe('the records of a pipeline', () => {
  const unkeyed = { ...created('a'), key: null };

  it('records go to quarantine without a key, unless the settings accept them', async () => {
    const twins = new SyncTwins();
    const first = twins.sync();
    await twins.settled(first.start());
    twins.append(unkeyed);
    await twins.until(async () => (await refusedOf(twins)).length > 0);
    expect(await refusedOf(twins)).toEqual(['key_missing']);
    await twins.settled(first.stop());
    await twins.settled(twins.sync({ ingest: { acceptsMissingKeys: true } }).start());
    twins.append(unkeyed);
    await twins.journaled(1);
  });

  it('records go to quarantine if they are larger than the settings allow', async () => {
    const twins = new SyncTwins();
    await twins.settled(twins.sync({ ingest: { maxRecordBytes: 60 } }).start());
    twins.append(created('a'));
    await twins.until(async () => (await refusedOf(twins)).length > 0);
    expect(await refusedOf(twins)).toEqual(['record_too_large']);
  });

  it('records count as what the settings call their source', async () => {
    const twins = new SyncTwins();
    const sources = { order_events: { kind: 'cloudevents' } } as const;
    await twins.settled(twins.sync({ ingest: { sources } }).start());
    twins.append(...ready('a'));
    await twins.until(async () => (await refusedOf(twins)).length > 0);
    await twins.journaled(1);
  });

  it('records count in the meters and in the watch of the quarantine', async () => {
    const twins = new SyncTwins();
    const sync = twins.sync();
    await twins.settled(sync.start());
    twins.append(...ready('a'), ...Array.from({ length: 10 }, () => ({ ...unkeyed, topic: 'order_events' })));
    await twins.until(async () => (await refusedOf(twins)).length === 10);
    await twins.clock.advance(1_000);
    expect(sync.status().meters.statesDue).toBe(1);
    expect(sync.latencies().journaled.reduce((sum, count) => sum + count, 0)).toBe(12);
    expect(twins.logged.join()).toContain('records were refused and put into quarantine');
    await twins.clock.advance(20_000);
    const health = await sync.health();
    expect(health).toMatchObject({ ok: true });
    expect(health.warnings?.join()).toContain('Quarantine holds 10 records');
    expect(health.warnings?.join()).toContain('Nothing of order_events has been accepted for');
    expect(health).not.toHaveProperty('notes');
  });

  it('the consumer has limits with a default, and belongs to a group with one store', async () => {
    for (const [ingest, maxBufferedBytes, maxRecords] of [
      [{}, 16 * 1024 * 1024, 4_000],
      [{ maxBufferedBytes: 1_000_000, batchEvents: 20 }, 1_000_000, 20],
    ] as const) {
      const twins = new SyncTwins();
      const asked: ConsumerOptions[] = [];
      const limits = new Set<number>();
      const log = wrap(twins.log, {
        consumer(options) {
          asked.push(options);
          const consumer = twins.log.consumer(options);
          return wrap(consumer, {
            take: (partitions, limit, signal) => {
              limits.add(limit.maxRecords);
              return consumer.take(partitions, limit, signal);
            },
          });
        },
      });
      const sync = twins.sync({ log, ingest });
      await twins.settled(sync.start());
      await twins.until(() => sync.status().ingest?.owned.length === 4);
      const store = await twins.store.storeId();
      expect(asked).toEqual([{ group: 'order-sync', topics: TOPICS, maxBufferedBytes, store }]);
      await twins.clock.advance(100);
      expect([...limits]).toEqual([maxRecords]);
    }
  });

  it('histories stay in memory, as far as the settings allow', async () => {
    for (const [ingest, reads] of [
      [{}, 0],
      [{ cacheEvents: 0 }, 1],
      [{ cacheBytes: 1 }, 1],
    ] as const) {
      const twins = new SyncTwins();
      let read = 0;
      const store = twins.storeWith((migrated) => ({
        commit: (batch) =>
          migrated.commit({
            ...batch,
            plan: (versions, readJournals) =>
              batch.plan(versions, (ids) => {
                read++;
                return readJournals(ids);
              }),
          }),
      }));
      await twins.settled(twins.sync({ store, ingest }).start());
      twins.append(created('a'));
      await twins.journaled(1);
      read = 0;
      twins.append(paid('a', 'PAYMENT_AUTHORIZED', 1));
      await twins.journaled(2);
      expect(Math.min(read, 1)).toBe(reads);
    }
  });

  it('records get spans where somebody records them', async () => {
    const twins = new SyncTwins();
    const begun: SpanStart[] = [];
    const tracing: Tracing = {
      isOn: true,
      messagingSystem: 'memory',
      begin: (span) => {
        begun.push(span);
        return { context: null, end: () => {} };
      },
    };
    await twins.settled(twins.sync({ tracing }).start());
    twins.append(created('a'));
    await twins.journaled(1);
    expect(begun.map(({ name }) => name)).toContain('process order_events');
  });

  it('several lanes commit records where this instance never joins them', async () => {
    for (const [ingest, lanes] of [
      [{}, 1],
      [{ apartFromRecords: 0 }, 2],
      [{ apartFromRecords: 0, lanes: 1 }, 1],
    ] as const) {
      const twins = new SyncTwins();
      let most = 0;
      const taking = new Set<object>();
      const log = wrap(twins.log, {
        consumer(options) {
          const consumer = twins.log.consumer(options);
          return wrap(consumer, {
            async take(partitions, limit, signal) {
              taking.add(signal);
              most = Math.max(most, taking.size);
              const taken = await consumer.take(partitions, limit, signal);
              taking.delete(signal);
              return taken;
            },
          });
        },
      });
      const sync = twins.sync({ log, ingest });
      await twins.settled(sync.start());
      await twins.until(() => sync.status().ingest?.owned.length === 4);
      await twins.clock.advance(100);
      expect(most).toBe(lanes);
    }
  });
});
