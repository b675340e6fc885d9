import { describe, expect, it } from 'vitest';
import { Troubles } from '../../../src/pipeline/ingest/troubles.ts';

const FAILING = { topic: 'a', partition: 0 };
const HEALTHY = { topic: 'a', partition: 1 };

function troublesAt(clock: { nowMs: number }) {
  return new Troubles({ baseMs: 100, capMs: 1_000 }, { monotonicMs: () => clock.nowMs, random: () => 0.5 });
}

describe('the troubles of partitions', () => {
  it('a failure delays its partition and no other, longer each time up to the limit', () => {
    const clock = { nowMs: 0 };
    const troubles = troublesAt(clock);
    const delays: number[] = [];
    for (let failure = 1; failure <= 6; failure++) {
      expect(troubles.note([FAILING], 'the store is down')).toBe(failure);
      delays.push(troubles.dueAtMs(FAILING) - clock.nowMs);
      clock.nowMs += 10_000;
    }
    expect(delays).toEqual([50, 100, 200, 400, 500, 500]);
    expect(troubles.dueAtMs(HEALTHY)).toBe(Number.NEGATIVE_INFINITY);
    expect(troubles.reason(FAILING)).toBe('the store is down');
    expect(troubles.reason(HEALTHY)).toBeNull();
  });

  it('the delay ends once the partition works again, whatever the others do', () => {
    const troubles = troublesAt({ nowMs: 0 });
    troubles.note([FAILING], 'down');
    troubles.forget([HEALTHY]);
    expect(troubles.note([FAILING], 'down')).toBe(2);
    troubles.forget([FAILING]);
    expect(troubles.dueAtMs(FAILING)).toBe(Number.NEGATIVE_INFINITY);
    expect(troubles.note([FAILING, HEALTHY], 'down')).toBe(1);
  });
});
