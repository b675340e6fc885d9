import { describe, expect, it } from 'vitest';
import { ENVELOPE, eventOf, ORDER_BODY, rejectionOf, STRUCTURED } from './records.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const OTHER = '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00';

describe('the trace of a record', () => {
  it('an event has the trace of its headers', () => {
    expect(eventOf({ headers: [['traceparent', PARENT]] }).trace).toEqual({ traceParent: PARENT });
    const headers = [
      ['tracestate', 'rojo=1'],
      ['ce_id', 'e1'],
      ['traceparent', PARENT],
      ['tracestate', 'congo=2'],
    ] as const;
    expect(eventOf({ headers })).toMatchObject({
      eventId: 'e1',
      trace: { traceParent: PARENT, traceState: 'rojo=1,congo=2' },
    });
  });

  it('a structured CloudEvent has the trace of its headers', () => {
    const headers = [...STRUCTURED, ['traceparent', PARENT]] as const;
    expect(eventOf({ value: { ...ENVELOPE, data: ORDER_BODY }, headers }).trace).toEqual({
      traceParent: PARENT,
    });
  });

  it('an event without a traceparent has no field for a trace', () => {
    expect(eventOf({})).not.toHaveProperty('trace');
    expect(eventOf({ headers: [['tracestate', 'rojo=1']] })).not.toHaveProperty('trace');
    expect(eventOf({ headers: [['Traceparent', PARENT]] })).not.toHaveProperty('trace');
  });

  it.each([
    ['null', [['traceparent', null]]],
    ['empty', [['traceparent', '']]],
    ['no traceparent', [['traceparent', 'order123']]],
    ['bytes that are no text', [['traceparent', Uint8Array.of(0xff, 0x00, 0x30)]]],
    ['a megabyte', [['traceparent', '0'.repeat(60_000)]]],
    [
      'given twice',
      [
        ['traceparent', PARENT],
        ['traceparent', OTHER],
      ],
    ],
  ] as const)(
    'a traceparent that is %s is ignored, and the record is an event all the same',
    (_, headers) => {
      expect(eventOf({ headers })).toEqual(eventOf({}));
    },
  );

  it.each([
    ['null', null],
    ['malformed', 'ROJO=1'],
    ['513 characters long', `a=${'x'.repeat(511)}`],
    ['bytes that are no text', Uint8Array.of(0xff, 0x3d, 0x31)],
  ])('a tracestate that is %s is left out', (_, value) => {
    const headers = [
      ['traceparent', PARENT],
      ['tracestate', value],
    ] as const;
    expect(eventOf({ headers }).trace).toEqual({ traceParent: PARENT });
  });

  it('the trace changes neither the id nor the content hash of an event', () => {
    const { trace, ...traced } = eventOf({ headers: [['traceparent', PARENT]] });
    expect(trace).toBeDefined();
    expect(traced).toEqual(eventOf({}));
  });

  it('a trace header keeps no other header from being judged', () => {
    const headers = [
      ['traceparent', PARENT],
      ['ce_specversion', '0.3'],
    ] as const;
    expect(rejectionOf({ headers }).reason).toBe('cloudevents_version_unsupported');
  });
});
