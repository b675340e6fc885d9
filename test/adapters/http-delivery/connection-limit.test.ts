import { expect, it } from 'vitest';
import { ConnectionLimit } from '../../../src/adapters/http-delivery/connection-limit.ts';

function newLimit(max: number) {
  let nowMs = 0;
  const limit = new ConnectionLimit(max, { monotonicMs: () => nowMs });
  return {
    at(atMs: number): number {
      nowMs = atMs;
      return limit.now;
    },
    cut(atMs: number, { idleMs, open }: { idleMs: number; open: number }): boolean {
      nowMs = atMs;
      return limit.cut(idleMs, open);
    },
  };
}

it('falls to three quarters of the open connections, once for all cuts of half a second, and not below 16', () => {
  const limit = newLimit(256);
  expect(limit.at(0)).toBe(256);
  expect(limit.cut(5_000, { idleMs: 10, open: 200 })).toBe(true);
  expect(limit.at(5_000)).toBe(150);
  expect(limit.cut(5_499, { idleMs: 10, open: 150 })).toBe(false);
  expect(limit.cut(5_500, { idleMs: 10, open: 150 })).toBe(true);
  expect(limit.at(5_500)).toBe(112);
  for (let atMs = 6_000; atMs < 20_000; atMs += 500) limit.cut(atMs, { idleMs: 10, open: limit.at(atMs) });
  expect(limit.at(20_000)).toBe(16);
});

it('rises by a quarter after each minute without a cut, up to the setting', () => {
  const limit = newLimit(256);
  limit.cut(1_000, { idleMs: 0, open: 256 });
  expect([60_999, 61_000, 121_000, 600_000].map((atMs) => limit.at(atMs))).toEqual([192, 240, 256, 256]);
});

it('stays as it is when a connection is cut that rested for a second or more', () => {
  const limit = newLimit(256);
  expect(limit.cut(5_000, { idleMs: 1_000, open: 256 })).toBe(false);
  expect(limit.at(5_000)).toBe(256);
});

it('stays at a setting that is below 16', () => {
  const limit = newLimit(3);
  expect(limit.cut(5_000, { idleMs: 0, open: 3 })).toBe(false);
  expect(limit.at(5_000)).toBe(3);
});
