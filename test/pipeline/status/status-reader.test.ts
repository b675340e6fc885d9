import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { StatusReader } from '../../../src/pipeline/status/status.ts';
import { checkpoint, NOTHING, NOW_MS, outbox, PLACE, peeked } from './fake-parts.ts';

function setUp({ store = {}, log = {} }: { store?: object; log?: object } = {}) {
  let passedMs = 0;
  let reads = 0;
  const reader = new StatusReader({
    topics: [PLACE.topic, 'payment_events'],
    targets: ['order-mgt'],
    clock: {
      now: () => NOW_MS + passedMs,
      monotonicMs: () => passedMs,
      sleep: (_ms, signal) =>
        new Promise((resolve) => {
          if (isHasty) setImmediate(resolve);
          else signal?.addEventListener('abort', () => resolve());
        }),
    },
    store: {
      checkpoints: async () => {
        reads++;
        return [checkpoint()];
      },
      readOverview: async () => ({ outboxes: [outbox()], quarantined: [], parked: NOTHING }),
      listHolds: async () => [],
      storeId: async () => 'store-1',
      ...store,
    },
    log: {
      partitionCounts: async () => new Map([[PLACE.topic, 1]]),
      peek: async () => [peeked()],
      ...log,
    },
  });
  let isHasty = false;
  return {
    reader,
    reads: () => reads,
    pass: (ms: number) => (passedMs += ms),
    /** From now on every deadline is over at once. */
    hurry: () => (isHasty = true),
  };
}

const unreachable = (code: 'log_unreachable' | 'store_unreachable') => async () => {
  throw new TributaryError(code, 'It does not answer.', { retryable: true });
};

describe('the reader of the status', () => {
  it('reads once for all who ask within a second', async () => {
    const { reader, reads, pass } = setUp();
    const all = await Promise.all([reader.read(), reader.read(), reader.read()]);
    pass(999);
    all.push(await reader.read());
    expect([reads(), new Set(all).size]).toEqual([1, 1]);
    pass(1);
    expect(await reader.read()).not.toBe(all[0]);
    expect(reads()).toBe(2);
  });

  it('reads lag, overview and checkpoints, and says which topics are missing', async () => {
    const { reader } = setUp();
    expect(await reader.read()).toMatchObject({
      atMs: NOW_MS,
      log: { ok: true, value: { partitions: [PLACE], missingTopics: ['payment_events'] } },
      store: { ok: true, value: { storeId: 'store-1', checkpoints: [{ nextOffset: 40n }] } },
    });
  });

  it('shows what the store tells while the log does not answer, and the other way round', async () => {
    const withoutLog = setUp({ log: { partitionCounts: unreachable('log_unreachable') } });
    expect(await withoutLog.reader.read()).toMatchObject({
      log: { ok: false, code: 'log_unreachable', reason: 'It does not answer.' },
      store: { ok: true },
    });
    const withoutStore = setUp({ store: { checkpoints: unreachable('store_unreachable') } });
    expect(await withoutStore.reader.read()).toMatchObject({
      log: { ok: true, value: { partitions: [], missingTopics: ['payment_events'] } },
      store: { ok: false, code: 'store_unreachable' },
    });
  });

  it('a log that is silent is not waited for', async () => {
    const { reader, hurry } = setUp({ log: { peek: () => new Promise(() => {}) } });
    hurry();
    expect((await reader.read()).log).toMatchObject({ ok: false, reason: expect.stringContaining('5 s') });
  });

  it('lets a defect through', async () => {
    const { reader } = setUp({
      store: {
        storeId: async () => {
          throw new TypeError('x is not a function');
        },
      },
    });
    await expect(reader.read()).rejects.toThrow('x is not a function');
  });
});
