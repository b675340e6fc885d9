import { expect, it } from 'vitest';
import { ORDER_BODY, ORDER_SOURCE, ordersDecoder, type RecordParts, recordOf } from '../records.ts';

function verdict(parts: RecordParts, kind?: 'connect-json'): string {
  const sources = kind === undefined ? {} : { [ORDER_SOURCE.topic]: { kind } };
  const decoded = ordersDecoder({ sources }).decode(recordOf(parts), ORDER_SOURCE, 7);
  return decoded.kind === 'event' ? 'event' : decoded.record.reason;
}

it.each([{ __deleted: 'true' }, { __deleted: true }, { __op: 'd' }, { __op: 'u', __deleted: 'false' }])(
  'refuses a row that Debezium has flattened, unless it was inserted: %j',
  (marks) => {
    const value = { ...ORDER_BODY, ...marks };
    expect(verdict({ value })).toBe('change_not_insert');
    expect(verdict({ value: { schema: {}, payload: value } }, 'connect-json')).toBe('change_not_insert');
  },
);

it.each([{ __deleted: 'false' }, { __deleted: null }, { __op: 'c' }, { __op: 'r' }, { __op: 'refund' }])(
  'takes an inserted row, and a word that is no operation: %j',
  (marks) => expect(verdict({ value: { ...ORDER_BODY, ...marks } })).toBe('event'),
);

it('looks at the operation in a header as well', () => {
  for (const operation of ['d', '"u"', 't'])
    expect(verdict({ headers: [['__op', operation]] })).toBe('change_not_insert');
  for (const operation of ['c', '"r"', 'delete', null])
    expect(verdict({ headers: [['__op', operation]] })).toBe('event');
});
