import { describe, expect, it } from 'vitest';
import { recordJson, SHOWN_BYTES } from '../../../src/apps/order-sync/record-json.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';

interface Shown {
  readonly key: { readonly base64: string; readonly text: string | null } | null;
  readonly value: { readonly base64: string; readonly text: string | null } | null;
  readonly valueLength: number;
  readonly headers: readonly object[];
  readonly truncated: boolean;
}

function shown(record: Partial<LogRecord>): Shown {
  const whole = { offset: 1_204n, timestampMs: 0, key: null, value: null, headers: [], ...record };
  return recordJson({ topic: 'order_events', partition: 3 }, whole) as Shown;
}

const bytesOf = (length: number) => Buffer.alloc(length, 'x');

describe('a record as JSON', () => {
  it('names its place and its time, and has null for what it lacks', () => {
    expect(shown({})).toEqual({
      topic: 'order_events',
      partition: 3,
      offset: '1204',
      timestamp: '1970-01-01T00:00:00.000Z',
      key: null,
      value: null,
      valueLength: 0,
      headers: [],
      truncated: false,
    });
  });

  it('shows bytes in base64, and as a text if they are UTF-8', () => {
    const { key, value } = shown({ key: Buffer.from('a'), value: new Uint8Array([0xff]) });
    expect([key, value]).toEqual([
      { base64: 'YQ==', text: 'a' },
      { base64: '/w==', text: null },
    ]);
  });

  it.each(['key', 'value'] as const)('shows the first MiB of a larger %s, and says so', (part) => {
    const large = shown({ [part]: bytesOf(SHOWN_BYTES + 1) });
    expect([large[part]?.text?.length, large.truncated]).toEqual([SHOWN_BYTES, true]);
    const fits = shown({ [part]: bytesOf(SHOWN_BYTES) });
    expect([fits[part]?.text?.length, fits.truncated]).toEqual([SHOWN_BYTES, false]);
  });

  it.each([
    ['\u00e9', 1],
    ['\u20ac', 1],
    ['\u20ac', 2],
    ['\u{1f69a}', 1],
    ['\u{1f69a}', 2],
    ['\u{1f69a}', 3],
  ])('leaves %s out of the text if only %i of its bytes fit', (character, fitting) => {
    const before = SHOWN_BYTES - fitting;
    const { value, valueLength } = shown({ value: Buffer.concat([bytesOf(before), Buffer.from(character)]) });
    expect(value?.text).toBe('x'.repeat(before));
    expect(valueLength).toBe(before + Buffer.byteLength(character));
    expect(Buffer.from(value?.base64 ?? '', 'base64')).toHaveLength(SHOWN_BYTES);
  });

  it('shows the headers that fit into a MiB together', () => {
    const first: LogRecord['headers'][number] = ['a', bytesOf(SHOWN_BYTES - 2)];
    const fits = shown({ headers: [first, ['b', null]] });
    expect([fits.headers.length, fits.truncated]).toEqual([2, false]);
    const large = shown({ headers: [first, ['bc', null], ['d', null]] });
    expect([large.headers.length, large.truncated]).toEqual([1, true]);
  });

  it('shows the name of a header that is no UTF-8 in base64 too', () => {
    const headers: LogRecord['headers'] = [
      [new Uint8Array([0xff]), Buffer.from('x')],
      ['empty', null],
    ];
    expect(shown({ headers }).headers).toEqual([
      { name: '\ufffd', nameBase64: '/w==', base64: 'eA==', text: 'x' },
      { name: 'empty', base64: null, text: null },
    ]);
  });
});
