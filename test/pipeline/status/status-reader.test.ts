import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { type SharedStatusParts, StatusReader } from '../../../src/pipeline/status/status.ts';
import type { PeekedPartition } from '../../../src/ports/event-log.ts';
import { checkpoint, NOTHING, NOW_MS, outbox, PLACE, peeked } from './fake-parts.ts';

function setUp({
  store = {},
  log = {},
  ...parts
}: { store?: object; log?: object } & Partial<Omit<SharedStatusParts, 'store' | 'log'>> = {}) {
  let passedMs = 0;
  let reads = 0;
  const deadlines: number[] = [];
  let underWay = 0;
  const reader = new StatusReader({
    topics: [PLACE.topic, 'payment_events'],
    targets: ['order-mgt'],
    clock: {
      now: () => NOW_MS + passedMs,
      monotonicMs: () => passedMs,
      sleep: (ms, signal) => {
        deadlines.push(ms);
        underWay++;
        return new Promise((resolve) => {
          if (isHasty) setImmediate(resolve);
          signal?.addEventListener('abort', () => {
            underWay--;
            resolve();
          });
        });
      },
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
    ...parts,
  });
  let isHasty = false;
  return {
    reader,
    reads: () => reads,
    /** The times that the reader waits for at most, and how many of these waits have not ended. */
    deadlines,
    underWay: () => underWay,
    pass: (ms: number) => (passedMs += ms),
    /** From now on every deadline is over at once. */
    hurry: () => (isHasty = true),
  };
}

const unreachable = (code: 'log_unreachable' | 'store_unreachable') => async () => {
  throw new TributaryError(code, 'It does not answer.', { retryable: true });
};

const broken = async () => {
  throw new TypeError('x is not a function');
};

describe('the reader of the status', () => {
  it('reads once for all who ask within a second', async () => {
    const { reader, reads, pass } = setUp();
    const all = await Promise.all([reader.read(), reader.read(), reader.read()]);
    pass(999);
    all.push(await reader.read());
    expect([reads(), new Set(all).size]).toEqual([1, 1]);
    pass(1);
    const next = await reader.read();
    expect(next).not.toBe(all[0]);
    pass(999);
    expect([await reader.read(), reads()]).toEqual([next, 2]);
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

  it.each([
    ['the checkpoints', { store: { checkpoints: broken } }],
    ['store and log at once', { store: { storeId: broken }, log: { peek: broken } }],
  ])('rejects once for a defect in %s, and leaves no rejection that nobody handles', async (_, parts) => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    await expect(setUp(parts).reader.read()).rejects.toThrow('x is not a function');
    await nextTurn();
    expect(unhandled).toEqual([]);
  });

  it('asks the store for the overview of its targets at the time of now', async () => {
    const asked: object[] = [];
    const { reader, pass } = setUp({
      store: {
        readOverview: async (of: object) => {
          asked.push(of);
          return { outboxes: [], quarantined: [], parked: NOTHING };
        },
      },
    });
    pass(7);
    const { atMs, store } = await reader.read();
    expect([asked, atMs]).toEqual([[{ targets: ['order-mgt'], nowMs: NOW_MS + 7 }], NOW_MS + 7]);
    expect(store).toEqual({
      ok: true,
      value: {
        outboxes: [],
        quarantined: [],
        parked: NOTHING,
        holds: [],
        storeId: 'store-1',
        view: null,
        checkpoints: [checkpoint()],
      },
    });
  });

  it('measures the lag at the time of now', async () => {
    const first = { kind: 'record', offset: 90n, timestampMs: NOW_MS - 3_500, timestampType: 'create' };
    const { reader } = setUp({ log: { peek: async () => [peeked({ first } as Partial<PeekedPartition>)] } });
    expect((await reader.read()).log).toMatchObject({ value: { partitions: [{ lag: { seconds: 3.5 } }] } });
  });

  it('tells the code of an error that has one', async () => {
    const busy = async () => {
      throw new TributaryError('store_busy', 'The lock wait was given up.');
    };
    const { reader } = setUp({ store: { readOverview: busy } });
    expect((await reader.read()).store).toEqual({
      ok: false,
      code: 'store_busy',
      reason: 'The lock wait was given up.',
    });
  });

  it('reads the record of the view where it can', async () => {
    const viewOf = async (parts: Pick<SharedStatusParts, 'viewState'>) => {
      const { store } = await setUp(parts).reader.read();
      return store.ok ? store.value.view : undefined;
    };
    const record = { awaitedFold: 2, rebuild: null };
    expect(await viewOf({ viewState: async () => record })).toEqual(record);
    expect(await viewOf({ viewState: async () => null })).toBeNull();
    expect(await viewOf({})).toBeNull();
  });

  it('hands its patience to the log, and leaves the patience to the log where it has none', async () => {
    const askedOf = async (parts: Partial<SharedStatusParts>) => {
      const asked: unknown[] = [];
      const peek = async (_places: unknown, patienceMs?: number) => {
        asked.push(patienceMs);
        return [peeked()];
      };
      await setUp({ log: { peek }, ...parts }).reader.read();
      return asked;
    };
    expect(await askedOf({ patienceMs: 300 })).toEqual([300]);
    expect(await askedOf({})).toEqual([undefined]);
  });

  it.each([
    ['log', { log: { peek: () => new Promise(() => {}) } }],
    ['store', { store: { storeId: () => new Promise(() => {}) } }],
    ['store', { store: { checkpoints: () => new Promise(() => {}) } }],
  ] as const)('calls a %s unreachable that says nothing for 5 s', async (what, parts) => {
    const { reader, deadlines, hurry } = setUp(parts);
    hurry();
    expect((await reader.read())[what]).toEqual({
      ok: false,
      code: `${what}_unreachable`,
      reason: `The ${what} has not answered for 5 s.`,
    });
    expect(new Set(deadlines)).toEqual(new Set([5_000]));
  });

  it('tells an error without a code as a part that cannot be reached', async () => {
    // A call that its signal ended rejects with this error, whose code is a number.
    const lost = () => Promise.reject(new DOMException('It was given up.', 'AbortError'));
    const { reader } = setUp({ store: { listHolds: lost }, log: { peek: lost } });
    const { log, store } = await reader.read();
    expect(log).toEqual({ ok: false, code: 'log_unreachable', reason: 'It was given up.' });
    expect(store).toEqual({ ok: false, code: 'store_unreachable', reason: 'It was given up.' });
  });

  it('leaves no timer behind', async () => {
    const { reader, deadlines, underWay } = setUp();
    await reader.read();
    expect([deadlines.length, underWay()]).toEqual([3, 0]);
  });
});
