import { describe, expect, it } from 'vitest';
import { adviceFor, problemFrom } from '../../console/src/api/problem.ts';
import { faultOfOffset, meaningOf, missingRange } from '../../console/src/pages/pipeline/halt-range.ts';
import { bodyOf, fieldsOf } from '../../console/src/pages/try/form-fields.ts';
import { newOrderId, SCENARIOS } from '../../console/src/pages/try/scenarios.ts';
import { orders } from '../../src/orders/index.ts';
import { createDecoder } from '../../src/pipeline/decode/decoder.ts';

describe('the decision about a halted partition', () => {
  const place = { nextOffset: '10', logStartOffset: '15', logEndOffset: '40' };

  it('names the range that nobody can read any more', () => {
    expect(missingRange(place)).toEqual([10n, 14n]);
    expect(missingRange({ ...place, logStartOffset: '10' })).toBeNull();
    expect(missingRange({ ...place, nextOffset: null })).toBeNull();
  });

  it('takes only offsets that the log has', () => {
    expect(faultOfOffset('15', place)).toBeNull();
    expect(faultOfOffset('40', place)).toBeNull();
    expect(faultOfOffset('14', place)).toBe('The log starts at 15.');
    expect(faultOfOffset('41', place)).toBe('The log ends at 40.');
    expect(faultOfOffset('x', place)).toBe('Give an offset: a whole number.');
  });

  it('says what going on means, also for offsets beyond the exact numbers', () => {
    expect(meaningOf('15', place)).toContain('leaves out the 5 records at the offsets 10 to 14');
    expect(meaningOf('8', place)).toContain('reads 2 offsets again');
    expect(meaningOf('10', place)).toContain('leaves nothing out');
    expect(meaningOf('9007199254740995', { ...place, nextOffset: '9007199254740993' })).toContain(
      'the 2 records at the offsets 9007199254740993 to 9007199254740994',
    );
  });
});

describe('the form of an event', () => {
  const now = { nowMs: Date.parse('2026-11-22T10:00:00Z'), orderId: 'try-1' };
  const fields = fieldsOf(orders.eventTypes.PAYMENT?.schema as Readonly<Record<string, unknown>>, now);

  it('asks for what the schema leaves open, with values that it takes', () => {
    expect(fields.find(({ name }) => name === 'eventType')?.constant).toBe('PAYMENT');
    expect(fields.find(({ name }) => name === 'paymentStatus')?.options).toContain(
      'AUTHORIZATION_REVIEW_DECLINED',
    );
    expect(fields.find(({ name }) => name === 'orderId')?.example).toBe('try-1');
    expect(fields.find(({ name }) => name === 'timestamp')?.example).toBe('2026-11-22T10:00:00.000Z');
  });

  it('makes a body, and leaves empty optional fields out', () => {
    const schema = {
      required: ['a'],
      properties: { a: { type: 'string' }, revision: { type: 'integer' }, b: {} },
    };
    const few = fieldsOf(schema, now);
    expect(bodyOf(few, { a: 'x', revision: '3' })).toEqual({ a: 'x', revision: 3 });
    expect(bodyOf(few, { a: '' })).toEqual({ a: '' });
  });
});

describe('the scenarios', () => {
  const topicNames = { order_events: 'order_events', payment_events: 'payment_events' };
  const decoder = createDecoder(orders, { topicNames, acceptsMissingKeys: false });
  const nowMs = Date.parse('2026-11-22T10:00:00Z');

  it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
    'send only events that the decoder takes: %s',
    (_, { steps }) => {
      for (const { event } of steps('try-1', nowMs)) {
        const topic = orders.eventTypes[event.eventType]?.topic ?? '';
        const decoded = decoder.decode(
          {
            offset: 0n,
            timestampMs: nowMs,
            key: new TextEncoder().encode('try-1'),
            value: new TextEncoder().encode(JSON.stringify(event.body)),
            headers: [],
          },
          { topic, partition: 0 },
          nowMs,
        );
        expect(decoded).toMatchObject({ kind: 'event' });
      }
    },
  );

  it('give each order an id of its own', () => {
    expect(newOrderId(nowMs, 0.5)).toMatch(/^try-[0-9a-z]+-[0-9a-z]{3}$/);
    expect(newOrderId(nowMs, 0.5)).not.toBe(newOrderId(nowMs, 0.6));
    expect(newOrderId(nowMs, 0.5)).not.toBe(newOrderId(nowMs + 1, 0.5));
  });
});

describe('problemFrom', () => {
  it('reads a problem document with its errors', () => {
    const body = {
      title: 'Bad Request',
      code: 'filter_invalid',
      detail: 'See errors.',
      errors: [{ pointer: '/a', detail: 'is wrong' }],
    };
    const { title, code, errors } = body;
    expect(problemFrom(400, '', body, null)).toMatchObject({
      title,
      code,
      errors,
      status: 400,
      message: 'See errors.',
    });
  });

  it('makes a problem of any other answer, and reads how long to wait', () => {
    const problem = problemFrom(503, 'Service Unavailable', '<html>', '5');
    expect(problem).toMatchObject({ code: 'http_503', title: 'Service Unavailable', retryAfterSeconds: 5 });
    expect(adviceFor(problem)).toContain('try again');
  });

  it('says what to do about a missing scope', () => {
    expect(adviceFor({ code: 'scope_missing', status: 403 })).toContain('Enter a key');
    expect(adviceFor({ code: 'order_unknown', status: 200 })).toBeNull();
  });
});
