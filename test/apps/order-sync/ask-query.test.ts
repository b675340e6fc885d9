import { describe, expect, it } from 'vitest';
import {
  durationOf,
  isOrderId,
  momentFrom,
  orderIdOf,
  QuestionFault,
  type RowsGiven,
  rowsQueryOf,
  sidesFrom,
  stuckGiven,
} from '../../../src/apps/order-sync/ask-query.ts';

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
    ['status=a=b=', 'a=b='],
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

const queryOf = (given: Partial<RowsGiven>, view: Parameters<typeof rowsQueryOf>[0] = VIEW) =>
  rowsQueryOf(view, { ...stuckGiven(undefined), isStuck: false, ...given });

/** The name of the part that is wrong. */
function faultyPart(ask: () => unknown): string {
  try {
    ask();
  } catch (error) {
    if (error instanceof QuestionFault) return error.part;
    throw error;
  }
  return 'none';
}

describe('a question for rows', () => {
  it.each<[Partial<RowsGiven>, string | null]>([
    [{}, null],
    [{ isUndelivered: true }, 'owed'],
    [{ isInFlight: true }, 'in_flight'],
    [{ isDead: true }, 'dead'],
    [{ isDelivered: true }, 'delivered'],
    [{ isUndelivered: true, isDead: true }, 'dead'],
    [{ isUndelivered: true, isInFlight: true }, 'in_flight'],
  ])('asks by %j for deliveries that are %s', (given, delivery) => {
    expect(queryOf(given).delivery).toBe(delivery);
  });

  it.each<[Partial<RowsGiven>, string]>([
    [{ isInFlight: true, isDead: true }, 'inFlight'],
    [{ isDelivered: true, isUndelivered: true }, 'delivered'],
    [{ isDelivered: true, isInFlight: true }, 'delivered'],
    [{ isDelivered: true, isDead: true }, 'delivered'],
  ])('refuses %j together', (given, part) => {
    expect(faultyPart(() => queryOf(given))).toBe(part);
  });

  it('looks for ready rows by the column that shows it, and refuses where none does', () => {
    const { conditions } = queryOf({ isReady: true }, { ...VIEW, readyColumn: 'is_ready' });
    expect(conditions).toEqual([{ columns: ['is_ready'], value: true }]);
    expect(faultyPart(() => queryOf({ isReady: true }))).toBe('ready');
  });

  it('looks for a status in all columns of text, beside the other conditions', () => {
    expect(queryOf({ where: ['count=1'], status: 'OPEN' }).conditions).toEqual([
      { columns: ['count'], value: 1 },
      { columns: ['status'], value: 'OPEN' },
    ]);
  });

  it('asks for stuck rows of an age', () => {
    expect(rowsQueryOf(VIEW, stuckGiven('2h'))).toMatchObject({ isStuck: true, olderThanMs: 7_200_000 });
    expect(rowsQueryOf(VIEW, stuckGiven(undefined))).toMatchObject({ isStuck: true, olderThanMs: null });
  });
});

describe('durationOf', () => {
  it.each([
    ['90', 90],
    ['90ms', 90],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['0s', 0],
  ])('reads %s as %i ms', (text, ms) => {
    expect(durationOf('since', text)).toBe(ms);
  });

  it.each(['', 's', '1.5h', '-1s', '1 h', '1w', '999999999999d'])('refuses %j', (text) => {
    expect(faultyPart(() => durationOf('since', text))).toBe('since');
  });
});

describe('a moment that is asked for', () => {
  const none = { at: undefined, asKnownAt: undefined, version: undefined };

  it.each([
    [{}, { kind: 'now' }],
    [{ at: '2026-01-01T00:00:00Z' }, { kind: 'at', ms: Date.UTC(2026, 0, 1) }],
    [{ asKnownAt: '2026-01-01T00:00:00Z' }, { kind: 'as_known_at', ms: Date.UTC(2026, 0, 1) }],
    [{ version: '3' }, { kind: 'version', version: 3 }],
  ])('momentFrom reads %j', (given, moment) => {
    expect(momentFrom({ ...none, ...given })).toEqual(moment);
  });

  it.each([
    [{ at: '2026-01-01' }, 'at'],
    [{ version: '-1' }, 'version'],
    [{ at: '2026-01-01T00:00:00Z', version: '3' }, 'version'],
  ])('momentFrom refuses %j', (given, part) => {
    expect(faultyPart(() => momentFrom({ ...none, ...given }))).toBe(part);
  });

  it('sidesFrom reads the moments on both sides of a comparison', () => {
    const [from, to] = sidesFrom('diff', '2..now');
    expect([from, to]).toEqual([{ kind: 'version', version: 2 }, { kind: 'now' }]);
    for (const text of ['2', '2..', '..now']) expect(faultyPart(() => sidesFrom('diff', text))).toBe('diff');
  });
});

describe('the id of an order', () => {
  it.each([
    ['x'.repeat(255), true],
    ['x'.repeat(256), false],
    [`${'\u00e9'.repeat(127)}x`, true],
    ['\u00e9'.repeat(128), false],
    ['', false],
    ['\ud800', false],
  ])('an id consists of 1 to 255 bytes of text: %j is one: %j', (text, isId) => {
    expect(isOrderId(text)).toBe(isId);
    if (isId) expect(orderIdOf(text)).toBe(text);
    else expect(() => orderIdOf(text)).toThrow('1 to 255 bytes');
  });
});
