import { describe, expect, it } from 'vitest';
import { Halts } from '../../../src/pipeline/ingest/halts.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';

function noted(...names: string[]) {
  const lines: string[] = [];
  const halts = new Halts((level, message) => lines.push(`${level}: ${message}`));
  for (const name of names) halts.note(name, 'corrupt_batch at offset 7: bad.');
  return { halts, lines };
}
const stored = (haltReason: string | null) =>
  new Map([['orders/0', { nextOffset: 9n, haltReason } as Checkpoint]]);

describe('the halts of an instance', () => {
  it('a halt is listed with its reason until the partition is given up', () => {
    const { halts, lines } = noted('orders/0');
    expect(halts.list()).toEqual([{ name: 'orders/0', reason: 'corrupt_batch at offset 7: bad.' }]);
    expect([halts.has('orders/0'), halts.has('orders/1')]).toEqual([true, false]);
    expect(lines[0]).toContain('error: orders/0 is halted: corrupt_batch at offset 7: bad.');
    halts.forget('orders/0');
    expect([halts.has('orders/0'), halts.list()]).toEqual([false, []]);
  });

  it('a halt ends once the store has none of it, and says where reading goes on', () => {
    const { halts, lines } = noted('orders/0');
    const before = halts.noted();
    expect(halts.endThoseGone(before, stored('corrupt_batch'))).toBe(false);
    expect(halts.has('orders/0')).toBe(true);
    expect(halts.endThoseGone(before, stored(null))).toBe(true);
    expect(halts.has('orders/0')).toBe(false);
    expect(lines.at(-1)).toContain('info: orders/0 goes on at offset 9');
    expect(halts.endThoseGone(before, stored(null))).toBe(false);
  });

  it('a halt whose checkpoint is gone goes on at the beginning of the log', () => {
    const { halts, lines } = noted('orders/0');
    expect(halts.endThoseGone(halts.noted(), new Map())).toBe(true);
    expect(lines.at(-1)).toContain('orders/0 goes on at the beginning of the log');
  });

  it('a halt that came after the look began stays, also if it is a second one of the same partition', () => {
    const { halts } = noted();
    const before = halts.noted();
    halts.note('orders/0', 'first');
    expect(halts.endThoseGone(before, stored(null))).toBe(false);
    const between = halts.noted();
    halts.note('orders/0', 'second');
    expect(halts.endThoseGone(between, stored(null))).toBe(false);
    expect(halts.list()).toEqual([{ name: 'orders/0', reason: 'second' }]);
  });
});
