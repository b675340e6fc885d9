import { describe, expect, it } from 'vitest';
import { rowsQueryOf, stuckGiven } from '../../../src/apps/order-sync/ask-query.ts';

const VIEW = {
  columns: [
    { name: 'status', type: 'text' },
    { name: 'count', type: 'integer' },
    { name: 'is_ready', type: 'boolean' },
    { name: 'total', type: 'decimal', precision: 6, scale: 2 },
    { name: 'paid_at', type: 'timestamp' },
    { name: 'address', type: 'json' },
  ],
} as const;

function conditionValue(condition: string) {
  const { conditions } = rowsQueryOf(VIEW, { ...stuckGiven(undefined), isStuck: false, where: [condition] });
  return conditions[0]?.value;
}

describe('a condition on a column', () => {
  it.each([
    ['status=null', null],
    ['status=12.3', '12.3'],
    ['count=-5', -5],
    ['is_ready=false', false],
    ['total=12.3', '12.30'],
    ['total=-0', '0.00'],
    ['paid_at=2026-11-30T08:46:58+01:00', '2026-11-30T07:46:58.000000Z'],
    ['address={"b": 1, "a": 12345678901234567890}', '{"a":12345678901234567890,"b":1}'],
    ['address=null', null],
  ])('reads %s in the canonical form of the column', (condition, value) => {
    expect(conditionValue(condition)).toBe(value);
  });

  it.each([
    ['total=12.345', /gives total a value that it cannot have: "12.345" does not fit/],
    ['total=ten', /is no decimal number/],
    ['paid_at=2026-11-30', /is no moment of RFC 3339/],
    ['address={', /gives address a value that it cannot have: it is no JSON/],
    ['count=1.5', /a whole number, or null/],
    ['is_ready=1', /true, false or null/],
    ['other=1', /the columns are status, count, is_ready, total, paid_at, address/],
  ])('refuses %s', (condition, reason) => {
    expect(() => conditionValue(condition)).toThrow(reason);
  });
});
