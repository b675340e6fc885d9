import { expect, it } from 'vitest';
import { retryAfterMs } from '../../../src/adapters/http-delivery/retry-after.ts';

const nowMs = Date.UTC(2026, 10, 22, 18, 0, 0);
const read = (value: string | string[] | undefined) => retryAfterMs(value, nowMs, 3_600_000);

it('Retry-After is read as seconds and as a date in all three forms', () => {
  expect(read('0')).toBe(0);
  expect(read(' 120 ')).toBe(120_000);
  expect(read('Sun, 22 Nov 2026 18:01:30 GMT')).toBe(90_000);
  expect(read('Sunday, 22-Nov-26 18:01:30 GMT')).toBe(90_000);
  expect(read('Sun Nov 22 18:01:30 2026')).toBe(90_000);
});

it.each([
  ['1.5', 2_000],
  ['0.2', 1_000],
  ['.5', 1_000],
  ['2.', 2_000],
  ['5s', 5_000],
  ['30 seconds', 30_000],
  ['"7"', 7_000],
  ['5, 9', 9_000],
])('Retry-After is rounded up and read without quotes and unit: %s', (value, ms) => {
  expect(read(value)).toBe(ms);
});

it.each([
  'Sun, 22 Nov 2026 18:01:30 UTC',
  'Sun, 22 Nov 2026 18:01:30 +0000',
  'Sun, 22 Nov 2026 19:31:30 +0130',
  'Sun, 22 Nov 2026 18:01:30',
  'sun, 22 nov 2026 18:01:30 gmt',
  '22 Nov 2026 18:01:30 GMT',
  'Sun, 22-Nov-2026 18:01:30 GMT',
  '2026-11-22T18:01:30Z',
  '2026-11-22T19:01:30.000+01:00',
  String(Date.UTC(2026, 10, 22, 18, 1, 30) / 1_000),
  String(Date.UTC(2026, 10, 22, 18, 1, 30)),
])('Retry-After is read as a moment in other notations: %s', (value) => {
  expect(read(value)).toBe(90_000);
});

it('Retry-After takes the longest of several values', () => {
  expect(read(['5', '9', '7'])).toBe(9_000);
  expect(read(['soon', '4'])).toBe(4_000);
});

it('Retry-After is at least zero and at most the limit', () => {
  expect(read('99999999')).toBe(3_600_000);
  expect(read('999999999999999999999')).toBe(3_600_000);
  expect(read('Sun, 22 Nov 2099 18:00:00 GMT')).toBe(3_600_000);
  expect(read('Sun, 06 Nov 1994 08:49:37 GMT')).toBe(0);
  expect(read('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(0);
});

it('Retry-After is ignored when it cannot be read', () => {
  for (const value of [undefined, '', '-1', 'soon', '1e3', 'Sun, 22 Foo 2026 18:01:30 GMT', 'P1D', '1.2.3']) {
    expect(read(value), String(value)).toBeNull();
  }
});
