import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { DefectError, TributaryError } from '../../../src/core/errors.ts';
import { behindOwnCommits, CheckpointWatch } from '../../../src/pipeline/ingest/checkpoint-watch.ts';
import type { OwnedPartition } from '../../../src/pipeline/ingest/owned-partitions.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';

const owned: OwnedPartition = { topic: 'orders', partition: 0, epoch: 5n, committed: 10n, leaderEpoch: 0 };
const stored = (facts: Partial<Checkpoint>) =>
  new Map([
    ['orders/0', { topic: 'orders', partition: 0, epoch: 5n, nextOffset: 10n, ...facts } as Checkpoint],
  ]);

describe('the stored checkpoints beside the own commits', () => {
  it.each([
    ['stands where it was left', {}, 'nothing'],
    ['is further, by a later commit of this instance', { nextOffset: 12n }, 'nothing'],
    ['is behind, under the own epoch', { nextOffset: 9n }, 'went back'],
    ['has an earlier epoch', { epoch: 4n }, 'went back'],
    ['has an earlier epoch, further on', { epoch: 4n, nextOffset: 12n }, 'went back'],
    ['has a later owner, where it was left', { epoch: 6n }, 'nothing'],
    ['has a later owner, further on', { epoch: 6n, nextOffset: 12n }, 'nothing'],
    ['was moved back by a decision', { epoch: 6n, nextOffset: 3n }, 'moved back'],
  ])('a checkpoint that %s: %s, %s', (_, facts, what) => {
    expect(behindOwnCommits([[owned, 10n]], stored(facts))).toEqual({
      wentBack: what === 'went back' ? [owned] : [],
      movedBack: what === 'moved back' ? [owned] : [],
    });
  });

  it('a checkpoint that is gone went back', () => {
    expect(behindOwnCommits([[owned, 10n]], new Map())).toEqual({ wentBack: [owned], movedBack: [] });
  });

  it('what is compared is the commit from before the look, not a later one', () => {
    const later = { ...owned, committed: 12n };
    expect(behindOwnCommits([[later, 10n]], stored({}))).toEqual({ wentBack: [], movedBack: [] });
  });
});

function watching(checkpoints: () => Promise<Checkpoint[]>) {
  const clock = new SeededClock({ seed: 1 });
  const told: string[] = [];
  const world = { isReplaced: false };
  const stopping = new AbortController();
  const watch = new CheckpointWatch({
    store: { checkpoints },
    incarnation: {
      async actIfReplaced(act) {
        if (world.isReplaced) await act();
        return world.isReplaced;
      },
    },
    clock,
    logger: (level, message) => told.push(`${level}: ${message}`),
    before: () => told.push('before'),
    seen: async (seen) => void told.push(`seen ${seen.length}`),
    replaced: async () => void told.push('replaced'),
  });
  const running = watch.run(stopping.signal);
  onTestFinished(() => stopping.abort());
  return { clock, told, world, stopping, running };
}

describe('the watch over the checkpoints', () => {
  it('notes what is known before each look, every two seconds', async () => {
    const { clock, told } = watching(async () => []);
    await clock.advance(1_999);
    expect(told).toEqual([]);
    await clock.advance(2_001);
    expect(told).toEqual(['before', 'seen 0', 'before', 'seen 0']);
  });

  it('tells of replaced tables in place of checkpoints', async () => {
    const { clock, told, world } = watching(async () => []);
    world.isReplaced = true;
    await clock.advance(2_000);
    expect(told).toEqual(['before', 'replaced']);
  });

  it('says once that the store does not answer, goes on, and says it again after an answer', async () => {
    let isAway = true;
    const { clock, told } = watching(async () => {
      if (isAway) throw new TributaryError('store_unreachable', 'Gone.');
      return [];
    });
    await clock.advance(6_000);
    const said = () => told.filter((line) => line.startsWith('warn'));
    expect(said()).toEqual(['warn: Could not read the checkpoints: Gone.']);
    isAway = false;
    await clock.advance(2_000);
    isAway = true;
    await clock.advance(4_000);
    expect(said()).toHaveLength(2);
  });

  it('ends with a defect, and at a stop without the answer of the store', async () => {
    const broken = watching(async () => {
      throw new DefectError('A mistake.');
    });
    const failed = expect(broken.running).rejects.toThrow('A mistake.');
    await broken.clock.advance(2_000);
    await failed;
    const silent = watching(() => new Promise(() => {}));
    await silent.clock.advance(2_000);
    silent.stopping.abort();
    await silent.running;
    expect(silent.told).toEqual(['before']);
  });
});
