import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { untilCaughtUp } from '../../../src/pipeline/reconcile/caught-up.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { TopicDescription } from '../../../src/ports/event-log.ts';

function topic(...ends: bigint[]): TopicDescription {
  const partitions = ends.map((endOffset, partition) => ({
    topic: 'parcels',
    partition,
    startOffset: 5n,
    endOffset,
  }));
  return { topic: 'parcels', topicId: 'one', partitionCount: ends.length, partitions };
}

function at(partition: number, nextOffset: bigint, facts: Partial<Checkpoint> = {}): Checkpoint {
  const place = { topic: 'parcels', partition, topicId: 'one', nextOffset };
  return { ...place, leaderEpoch: 0, epoch: 1n, haltReason: null, isNew: false, ...facts };
}

async function isCaughtUp(described: TopicDescription[] | Error, ...looks: Checkpoint[][]): Promise<boolean> {
  let look = 0;
  return untilCaughtUp(
    {
      log: {
        describe: async () => {
          if (described instanceof Error) throw described;
          return described;
        },
      },
      store: { checkpoints: async () => looks[Math.min(look++, looks.length - 1)] ?? [] },
      topics: ['parcels'],
      clock: new SeededClock({ seed: 1, time: 'immediately' }),
      patienceMs: 1_000,
    },
    new AbortController().signal,
  );
}

/** Waits with these topics and this patience. Counts the looks at the checkpoints, each of which finds the same. */
async function waitFor(
  topics: readonly string[],
  described: () => Promise<TopicDescription[]>,
  checkpoints: Checkpoint[],
  signal = new AbortController().signal,
) {
  const clock = new SeededClock({ seed: 1, time: 'immediately' });
  // The clock of a process does not begin at nothing.
  await clock.sleep(60_000);
  let looks = 0;
  const store = {
    checkpoints: async () => {
      looks++;
      return checkpoints;
    },
  };
  const options = { log: { describe: described }, store, topics, clock, patienceMs: 1_000 };
  return { isCaughtUp: await untilCaughtUp(options, signal), looks };
}

describe('the wait until the journal has caught up with the log', () => {
  it('the journal has caught up when every checkpoint has reached the end of its partition', async () => {
    expect(await isCaughtUp([topic(7n, 9n)], [at(0, 7n), at(1, 12n)])).toBe(true);
    expect(await isCaughtUp([topic(7n)], [at(0, 5n)], [at(0, 6n)], [at(0, 7n)])).toBe(true);
  });

  it('an empty partition that nobody has read yet counts as caught up', async () => {
    expect(await isCaughtUp([topic(5n)], [])).toBe(true);
    expect(await isCaughtUp([topic(6n)], [])).toBe(false);
  });

  it('the journal has not caught up while a partition is behind, halted, or of a topic that was made anew', async () => {
    expect(await isCaughtUp([topic(7n, 9n)], [at(0, 7n), at(1, 8n)])).toBe(false);
    expect(await isCaughtUp([topic(7n)], [at(0, 7n, { haltReason: 'retention' })])).toBe(false);
    expect(await isCaughtUp([topic(7n)], [at(0, 7n, { topicId: 'another' })])).toBe(false);
  });

  it('the journal has not caught up while a partition has no leader, since its end is not known', async () => {
    const lacking = { ...topic(7n), partitionCount: 2 };
    expect(await isCaughtUp([lacking], [at(0, 7n), at(1, 7n)])).toBe(false);
  });

  it('the journal has not caught up while the log does not answer, or lacks a topic', async () => {
    expect(await isCaughtUp(new TributaryError('log_unreachable', 'It does not answer.'), [at(0, 7n)])).toBe(
      false,
    );
    expect(await isCaughtUp([], [at(0, 7n)])).toBe(false);
  });

  it('every topic counts, each with its own checkpoints', async () => {
    const letters = { ...topic(3n, 4n), topic: 'letters' };
    const both = async () => [topic(7n), letters];
    const ofLetters = [at(0, 3n, { topic: 'letters' }), at(1, 4n, { topic: 'letters' })];
    const names = ['parcels', 'letters'];
    expect(await waitFor(names, both, [...ofLetters, at(0, 7n)])).toMatchObject({ isCaughtUp: true });
    expect(await waitFor(names, both, [...ofLetters, at(0, 6n)])).toMatchObject({ isCaughtUp: false });
    expect(await waitFor(names, async () => [letters], [...ofLetters, at(0, 7n)])).toEqual({
      isCaughtUp: false,
      looks: 0,
    });
  });

  it('the wait looks four times a second until its time is over', async () => {
    expect(await waitFor(['parcels'], async () => [topic(7n)], [at(0, 6n)])).toEqual({
      isCaughtUp: false,
      looks: 5,
    });
  });

  it('the wait ends when it is stopped', async () => {
    const stopping = new AbortController();
    const described = async () => {
      stopping.abort();
      return [topic(7n)];
    };
    expect(await waitFor(['parcels'], described, [at(0, 7n)], stopping.signal)).toEqual({
      isCaughtUp: false,
      looks: 0,
    });
  });

  it('a defect of the log ends the wait with an error', async () => {
    const described = () => Promise.reject(new TypeError('x is not a function'));
    await expect(waitFor(['parcels'], described, [at(0, 7n)])).rejects.toThrow('x is not a function');
  });
});
