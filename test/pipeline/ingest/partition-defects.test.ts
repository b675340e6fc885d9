import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { PartitionDefects } from '../../../src/pipeline/ingest/partition-defects.ts';
import { Troubles } from '../../../src/pipeline/ingest/troubles.ts';

const [first, second] = [
  { topic: 'orders', partition: 0 },
  { topic: 'orders', partition: 1 },
];

function defective() {
  const clock = new SeededClock({ seed: 1 });
  const troubles = new Troubles({ baseMs: 100, capMs: 1_000 }, clock);
  const defects = new Defects(clock, () => {});
  const found = new PartitionDefects(defects, troubles);
  const alone = () => [first, second].map((partition) => found.isAlone(partition));
  return { found, defects, troubles, alone };
}

describe('the partitions that have met defects', () => {
  it('each partition of a lane goes on alone after a defect, until it commits', () => {
    const { found, alone } = defective();
    expect(alone()).toEqual([false, false]);
    found.endedLane([first, second], new Error('A mistake.'));
    expect(alone()).toEqual([true, true]);
    found.committed([second]);
    expect(alone()).toEqual([true, false]);
  });

  it('a partition that meets a defect alone stays alone after its commits, until it is given up', () => {
    const { found, alone } = defective();
    found.endedLane([first], new Error('A mistake.'));
    found.committed([first]);
    expect(alone()).toEqual([true, false]);
    found.endedLane([first, second], new Error('A mistake.'));
    found.committed([first, second]);
    expect(alone()).toEqual([true, false]);
    found.forget([first]);
    expect(alone()).toEqual([false, false]);
  });

  it('a partition that is stopped rests longer each time, and one of which work goes on does not', () => {
    const { found, troubles } = defective();
    found.met(first, new Error('A mistake.'));
    expect(troubles.failures(first)).toBe(0);
    found.stopped(first, new Error('A mistake.'));
    found.stopped(first, new Error('A mistake.'));
    expect([troubles.failures(first), troubles.failures(second)]).toEqual([2, 0]);
  });
});
