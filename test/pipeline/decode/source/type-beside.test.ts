import { expect, it } from 'vitest';
import type { SourceOptions } from '../../../../src/pipeline/decode/source/options.ts';
import { ORDER_BODY, ORDER_SOURCE, ordersDecoder, recordOf } from '../records.ts';

const { eventType: _type, ...UNTYPED } = ORDER_BODY;
const TEXT = JSON.stringify(ORDER_BODY);

it('takes the type that stands beside the event, if nothing else gives one', () => {
  const typeOf = (options: SourceOptions, value: object) => {
    const decoder = ordersDecoder({ sources: { [ORDER_SOURCE.topic]: { body: 'data', ...options } } });
    const decoded = decoder.decode(recordOf({ value }), ORDER_SOURCE, 7);
    return decoded.kind === 'event' ? JSON.parse(decoded.event.data).eventType : decoded.record.reason;
  };
  expect(typeOf({}, { eventType: 'ORDER', data: UNTYPED })).toBe('ORDER');
  expect(typeOf({}, { eventType: 'Envelope', data: TEXT })).toBe('ORDER');
  expect(typeOf({ type: 'ORDER' }, { eventType: 'Envelope', data: UNTYPED })).toBe('ORDER');
  const named = { fields: new Map([['event_type', 'eventType']]), values: new Map([['created', 'ORDER']]) };
  expect(typeOf(named, { event_type: 'created', data: UNTYPED })).toBe('ORDER');
  expect(typeOf({}, { eventType: 7, data: UNTYPED })).toBe('event_type_missing');
});
