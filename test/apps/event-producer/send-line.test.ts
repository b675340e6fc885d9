import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, readLines } from '../../../src/apps/event-producer/ndjson.ts';
import { createLineReader } from '../../../src/apps/event-producer/send-line.ts';

async function linesOf(chunks: readonly Uint8Array[], maxBytes = 1_000): Promise<Line[]> {
  async function* input() {
    yield* chunks;
  }
  const lines: Line[] = [];
  for await (const line of readLines(input(), maxBytes)) lines.push(line);
  return lines;
}

function texts(lines: readonly Line[]): string[] {
  return lines.map(({ number, bytes }) => `${number}: ${Buffer.from(bytes).toString()}`);
}

describe('the lines of a stream', () => {
  it('numbers lines, and drops line ends and empty lines', async () => {
    expect(texts(await linesOf([Buffer.from('a\r\n\n{"b":1}\nlast')]))).toEqual([
      '1: a',
      '3: {"b":1}',
      '4: last',
    ]);
    expect(await linesOf([])).toEqual([]);
  });

  it('yields the same lines wherever the stream is cut', async () => {
    const text = '{"a":"é🧾"}\n\nsecond\r\n\nlast';
    const whole = texts(await linesOf([Buffer.from(text)]));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), async (sizes) => {
        const bytes = Buffer.from(text);
        const chunks: Buffer[] = [];
        for (let start = 0, turn = 0; start < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(bytes.subarray(start, start + size));
          start += size;
        }
        expect(texts(await linesOf(chunks))).toEqual(whole);
      }),
    );
  });

  it('cuts and marks a line at the limit, and yields the next line whole', async () => {
    const lines = await linesOf([Buffer.from(`${'x'.repeat(7)}`), Buffer.from(`${'y'.repeat(7)}\nok\n`)], 10);
    expect(lines.map(({ bytes, isTooLong }) => [Buffer.from(bytes).toString(), isTooLong])).toEqual([
      ['xxxxxxxyyy', true],
      ['ok', false],
    ]);
    const full = await linesOf([Buffer.from('xxxxx'), Buffer.from('yyyyy\n')], 10);
    expect(full.map(({ isTooLong }) => isTooLong)).toEqual([false]);
  });
});

describe('a line to send', () => {
  const topics = new Map([
    ['ORDER', 'orders-here'],
    ['PAYMENT', 'payments-here'],
  ]);
  const read = (text: string | Buffer, isRaw = false, isTooLong = false) =>
    createLineReader({ topics, source: '/test', isRaw })({ number: 1, bytes: Buffer.from(text), isTooLong });
  const payment =
    '{ "eventType":"PAYMENT", "orderId":"a", "paymentStatus":"PAYMENT_AUHTORIZED", "timestamp":"2025-04-05T02:26:31.265Z" }';

  it('becomes a record of the topic of its type, with the order id as the key and the same bytes', () => {
    const result = read(payment);
    expect(result).toMatchObject({ kind: 'event', event: { orderId: 'a', eventType: 'PAYMENT' } });
    if (result.kind !== 'event') return;
    expect(result.event.record.topic).toBe('payments-here');
    expect(Buffer.from(result.event.record.key ?? '').toString()).toBe('a');
    expect(Buffer.from(result.event.record.value ?? '').toString()).toBe(payment);
  });

  it('gets no new event id, so that sending it again changes nothing', () => {
    const [first, second] = [read(payment), read(payment)];
    expect(first).toEqual(second);
    expect(first).toMatchObject({
      event: { record: { headers: [] }, eventId: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  it('gets CloudEvents headers with the event id that it holds', () => {
    const result = read(payment.replace('{', '{"eventId":"e1",'));
    expect(result).toMatchObject({ event: { eventId: 'e1' } });
    if (result.kind !== 'event') return;
    const names = result.event.record.headers.map(([name]) => name);
    expect(names).toContain('ce_id');
    expect(names).toContain('ce_partitionkey');
  });

  it.each([
    ['not JSON', 'not valid JSON'],
    ['[]', 'not an object'],
    ['{"eventType":"REFUND","orderId":"a"}', 'eventType is not one of ORDER, PAYMENT'],
    [
      '{"eventType":"ORDER","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:31.265Z"}',
      'no field orderId',
    ],
    [payment.replace('PAYMENT_AUHTORIZED', 'PAID'), 'paymentStatus'],
    [payment.replace('T02', ' 02:'), 'RFC 3339'],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'UTF-8'],
  ])('gets refused if it is %s', (text, reason) => {
    expect(read(text)).toEqual({ kind: 'refused', reason: expect.stringContaining(reason) });
  });

  it('gets sent with --raw although it is bad, but not if it is too long', () => {
    expect(read('not JSON', true)).toMatchObject({
      kind: 'event',
      event: { eventId: null, record: { key: null } },
    });
    expect(read('{"orderId":"a"}', true)).toMatchObject({ kind: 'event', event: { orderId: 'a' } });
    expect(read('xxxx', true, true)).toMatchObject({ kind: 'refused' });
  });
});
