import { describe, expect, it } from 'vitest';
import {
  type DifferenceJson,
  differenceJson,
  differenceLine,
  targetDifferenceJson,
} from '../../../src/apps/order-sync/difference-json.ts';
import { orders } from '../../../src/orders/index.ts';
import type { VerifiedDifference } from '../../../src/pipeline/verify/repair.ts';

const READY = ['CREATED', 'PAYMENT_AUTHORIZED', null, true] as const;
const BARE = ['CREATED', null, null, false] as const;
const shownRow = ([order, payment, review, isReady]: typeof READY | typeof BARE, version: number) => ({
  order_status: order,
  payment_status: payment,
  review_status: review,
  ready_to_send: isReady,
  version,
});

const difference = (facts: object) =>
  differenceJson(orders, { entityId: 'a', isRepaired: false, ...facts } as unknown as VerifiedDifference);

describe('a difference of the store as JSON', () => {
  it('shows the row that is missing as expected, and one too many as stored', () => {
    expect(difference({ kind: 'row_missing', expected: { row: READY, version: 2 } })).toEqual({
      orderId: 'a',
      kind: 'row_missing',
      repaired: false,
      stored: null,
      expected: shownRow(READY, 2),
    });
    expect(difference({ kind: 'row_extra', stored: { row: BARE, version: 1 } })).toMatchObject({
      stored: shownRow(BARE, 1),
      expected: null,
    });
  });

  it.each(['row_altered', 'version_behind', 'version_ahead'])(
    'shows the columns of a row that is %s',
    (kind) => {
      const columns = [{ name: 'payment_status', stored: 'x', expected: null }];
      expect(difference({ kind, columns, isRepaired: true })).toEqual({
        orderId: 'a',
        kind,
        repaired: true,
        columns: { payment_status: { stored: 'x', expected: null } },
      });
    },
  );

  it('says why an entity cannot be folded', () => {
    expect(difference({ kind: 'unfoldable', detail: 'It throws.' })).toMatchObject({ detail: 'It throws.' });
  });
});

describe('a difference of a target as JSON', () => {
  const found = (more: object) =>
    targetDifferenceJson(orders, 'crm', {
      entityId: 'a',
      verdict: 'different',
      ours: { row: READY, version: 2 },
      theirs: { row: BARE, version: 1 },
      isHealed: true,
      ...more,
    } as never);

  it('shows what the target holds as stored, and our state as expected', () => {
    expect(found({})).toEqual({
      orderId: 'a',
      kind: 'target_different',
      repaired: true,
      target: 'crm',
      stored: shownRow(BARE, 1),
      expected: shownRow(READY, 2),
    });
  });

  it('shows null for a state that one side lacks', () => {
    expect(found({ verdict: 'missing', theirs: null })).toMatchObject({
      kind: 'target_missing',
      stored: null,
    });
  });
});

describe('the line of a difference', () => {
  const line = (facts: Partial<DifferenceJson>) =>
    differenceLine({ orderId: 'a', kind: 'row_altered', repaired: false, ...facts });

  it.each<[Partial<DifferenceJson>, string]>([
    [{}, 'row_altered  "a"  remains'],
    [{ repaired: true, target: 'crm' }, 'row_altered  "a"  repaired  crm'],
    [{ faults: ['due_twice', 'version_ahead'] }, 'row_altered  "a"  remains  due_twice,version_ahead'],
    [{ stored: null, expected: { version: 1 } }, 'row_altered  "a"  remains  -, expected {"version":1}'],
    [{ detail: 'It throws.' }, 'row_altered  "a"  remains  "It throws."'],
  ])('tells the facts of %j', (facts, expected) => {
    expect(line(facts)).toBe(expected);
  });

  it('shows a flag that is false and a number that is 0 as they are', () => {
    const columns = { ready: { stored: false, expected: true }, count: { stored: 0, expected: null } };
    expect(line({ columns })).toBe(
      'row_altered  "a"  remains  ready: false, expected true  count: 0, expected -',
    );
  });

  it('escapes every character that could forge a line', () => {
    const columns = { note: { stored: '\n\u001b[2J\u00e9', expected: '\t' } };
    expect(line({ columns })).toContain('"\\n\\u001b[2J\\u00e9", expected "\\t"');
    expect(line({ columns: { note: { stored: '\u0080\u2028', expected: null } } })).toContain(
      '"\\u0080\\u2028"',
    );
  });
});
