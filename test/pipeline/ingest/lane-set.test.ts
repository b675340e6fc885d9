import { describe, expect, it, onTestFinished } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { partitionName } from '../../../src/core/offset.ts';
import type { LaneContext } from '../../../src/pipeline/ingest/lane.ts';
import { LaneSet } from '../../../src/pipeline/ingest/lane-set.ts';
import type { OwnedPartition } from '../../../src/pipeline/ingest/owned-partitions.ts';
import type { EventLogConsumer } from '../../../src/ports/event-log.ts';
import { SMALL_LIMITS } from './long-driver.ts';

const owned = (partition: number, committed = 5n): OwnedPartition => ({
  topic: 'orders',
  partition,
  epoch: 1n,
  committed,
  leaderEpoch: 3,
});

/** Lanes over a log without records. */
function lanesWithoutRecords() {
  const followed: string[] = [];
  const givenUp = new Set<OwnedPartition>();
  /** The numbers of the partitions that have a lane of their own. */
  const alone = new Set<number>();
  const consumer: Partial<EventLogConsumer> = {
    follow: (partitions) => {
      for (const each of partitions) followed.push(`${partitionName(each)} from ${each.offset}`);
    },
    take: (_partitions, _limits, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) resolve([]);
        signal.addEventListener('abort', () => resolve([]));
      }),
  };
  const parts = {
    consumer,
    domain: stockLedger,
    clock: new SeededClock({ seed: 1 }),
    store: {},
    batchEvents: 10,
    longLimits: SMALL_LIMITS,
    logger: () => {},
  };
  const lanes = new LaneSet<unknown, unknown>({
    context: parts as unknown as LaneContext<unknown, unknown>,
    isOwned: (partition) => !givenUp.has(partition),
    isAlone: ({ partition }) => alone.has(partition),
    ended: () => {},
  });
  onTestFinished(() => lanes.stopAll());
  const held = () => lanes.holding(() => true).map(({ partitions }) => partitions.map(partitionName));
  return { lanes, followed, givenUp, alone, held };
}

describe('the lanes of an instance', () => {
  it('a lane has the partitions with the same number modulo the count of lanes', async () => {
    const { lanes, held } = lanesWithoutRecords();
    await lanes.start([owned(0), owned(1), owned(2)], 2);
    expect(held()).toEqual([['orders/0', 'orders/2'], ['orders/1']]);
  });

  it('a lane that gets more partitions is replaced, and the old ones are read again from their commits', async () => {
    const { lanes, followed, held } = lanesWithoutRecords();
    const first = owned(0);
    await lanes.start([first, owned(1)], 2);
    first.committed = 9n;
    await lanes.start([owned(2)], 2);
    expect(held()).toEqual([['orders/1'], ['orders/0', 'orders/2']]);
    expect(followed).toEqual(['orders/0 from 9']);
  });

  it('a lane that is replaced leaves out what was given up meanwhile', async () => {
    const { lanes, followed, givenUp, held } = lanesWithoutRecords();
    const first = owned(0);
    await lanes.start([first, owned(2)], 2);
    givenUp.add(first);
    await lanes.start([owned(4)], 2);
    expect(held()).toEqual([['orders/2', 'orders/4']]);
    expect(followed).toEqual(['orders/2 from 5']);
  });

  it('an ended lane goes on with the partitions that are neither taken out nor given up', async () => {
    const { lanes, followed, givenUp, held } = lanesWithoutRecords();
    const [first, second, third] = [owned(0), owned(1), owned(2)];
    await lanes.start([first, second, third], 1);
    const all = lanes.holding(() => true);
    await lanes.stop(all);
    givenUp.add(second);
    lanes.resumeKept(all, new Set(['orders/0']));
    expect(held()).toEqual([['orders/2']]);
    expect(followed).toEqual(['orders/2 from 5']);
  });

  it('the partitions of all lanes are shared out anew, from where they are committed', async () => {
    const { lanes, followed, givenUp, held } = lanesWithoutRecords();
    const [first, second] = [owned(0), owned(1)];
    await lanes.start([first, second, owned(2)], 1);
    second.committed = 8n;
    await lanes.regroup(2);
    expect(held()).toEqual([['orders/0', 'orders/2'], ['orders/1']]);
    expect(followed).toEqual(['orders/0 from 5', 'orders/1 from 8', 'orders/2 from 5']);
    givenUp.add(first);
    await lanes.regroup(1);
    expect(held()).toEqual([['orders/1', 'orders/2']]);
  });

  it('a partition with a lane of its own keeps it when the others are shared out anew', async () => {
    const { lanes, alone, held } = lanesWithoutRecords();
    alone.add(1);
    await lanes.start([owned(0), owned(1), owned(2), owned(3)], 2);
    await lanes.regroup(1);
    expect(held().toSorted()).toEqual([['orders/0', 'orders/2', 'orders/3'], ['orders/1']]);
  });
});
