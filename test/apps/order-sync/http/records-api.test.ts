import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import type { EventLog, LogRecord, NewRecord } from '../../../../src/ports/event-log.ts';
import { testServer } from './test-server.ts';

const TOPIC = 'order_events';
const path = (offset: number | string, partition: number | string = 0, topic = TOPIC) =>
  `/api/v1/records/${topic}/${partition}/${offset}`;

/** The HTTP API beside an embedded log with one partition of these records. */
async function server(...records: Partial<NewRecord>[]) {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-records-'));
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
  onTestFinished(async () => {
    await log.close();
    await rm(folder, { recursive: true, force: true });
  });
  await log.createTopics([{ topic: TOPIC, partitions: 1 }]);
  const producer = log.producer();
  for (const record of records)
    await producer.append([{ topic: TOPIC, key: null, value: null, headers: [], ...record }]);
  await producer.close();
  return testServer(['a'], { log });
}

/** The HTTP API beside a log that answers a read with these records, and has the offsets 0 to 9. */
async function serverOf(read: Awaited<ReturnType<EventLog['readRecords']>>) {
  const range = { topic: TOPIC, partition: 0, startOffset: 3n, endOffset: 10n };
  return testServer(['a'], {
    log: {
      describe: async () => [{ topic: TOPIC, topicId: 'id', partitionCount: 1, partitions: [range] }],
      partitionCounts: async () => new Map(),
      peek: async () => [],
      readRecords: async () => read,
    },
  });
}

function recordOf(changes: Partial<LogRecord>): LogRecord {
  return { offset: 5n, timestampMs: 0, key: null, value: null, headers: [], ...changes };
}

describe('GET /api/v1/records/{topic}/{partition}/{offset}', () => {
  it('shows key, value and headers of any bytes, and a record without any of them', async () => {
    const { ask } = await server(
      {
        key: Buffer.from('a'),
        value: Buffer.from('{"x":"é"}'),
        headers: [
          ['ce_id', Buffer.from('1')],
          ['raw', Buffer.of(0xff)],
          ['empty', null],
        ],
      },
      {},
    );
    const first = await ask(path(0));
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      topic: TOPIC,
      partition: 0,
      offset: '0',
      timestamp: expect.stringMatching(/^\d{4}-/),
      key: { base64: 'YQ==', text: 'a' },
      value: { base64: Buffer.from('{"x":"é"}').toString('base64'), text: '{"x":"é"}' },
      valueLength: 10,
      headers: [
        { name: 'ce_id', base64: 'MQ==', text: '1' },
        { name: 'raw', base64: '/w==', text: null },
        { name: 'empty', base64: null, text: null },
      ],
      truncated: false,
    });
    expect((await ask(path(1))).body).toMatchObject({ key: null, value: null, valueLength: 0, headers: [] });
  });

  it('shows the first MiB of a large value, and no half character of its text', async () => {
    const value = Buffer.from(`x${'é'.repeat(1_000_000)}`);
    const { ask } = await serverOf({ kind: 'read', records: [recordOf({ value })], nextOffset: 6n });
    const { body } = await ask(path(5));
    expect([body.valueLength, body.truncated]).toEqual([2_000_001, true]);
    expect(Buffer.from(body.value.base64, 'base64')).toHaveLength(1024 * 1024);
    expect(body.value.text).toBe(`x${'é'.repeat(524_287)}`);
  });

  it('leaves out the headers behind the first MiB of them', async () => {
    const headers = Array.from({ length: 3 }, (_, index) => [`h${index}`, Buffer.alloc(500_000)] as const);
    const { ask } = await serverOf({ kind: 'read', records: [recordOf({ headers })], nextOffset: 6n });
    const { body } = await ask(path(5));
    expect([body.headers.length, body.truncated]).toEqual([2, true]);
  });

  it('names a header whose name is not UTF-8 by its bytes', async () => {
    const headers = [[Buffer.of(0xff), null]] as const;
    const { ask } = await serverOf({ kind: 'read', records: [recordOf({ headers })], nextOffset: 6n });
    expect((await ask(path(5))).body.headers[0]).toEqual({
      name: '\ufffd',
      nameBase64: '/w==',
      base64: null,
      text: null,
    });
  });

  it('answers 404 with what there is for records that the log does not have', async () => {
    const { ask } = await server({}, {});
    for (const [url, detail] of [
      [path(2), 'The log has the offsets 0 to 1 of this partition.'],
      [path('9'.repeat(18)), 'The log has the offsets 0 to 1 of this partition.'],
      [path(0, 1), 'The topic has 1 partitions, counted from 0.'],
      [path(0, 0, 'other'), 'order-sync does not read this topic; it reads order_events and payment_events.'],
      [path(0, 0, 'payment_events'), 'The log has no topic of this name.'],
      [
        path('x'),
        'The path is /api/v1/records/TOPIC/PARTITION/OFFSET, as in /api/v1/records/order_events/3/1204.',
      ],
      [
        path('-1'),
        'The path is /api/v1/records/TOPIC/PARTITION/OFFSET, as in /api/v1/records/order_events/3/1204.',
      ],
    ])
      expect(await ask(url as string), url).toMatchObject({
        status: 404,
        body: { code: 'record_unknown', detail },
      });
  });

  it('says of an empty partition which offset comes next', async () => {
    const { ask } = await server();
    expect((await ask(path(0))).body.detail).toBe('The partition is empty; its next offset is 0.');
  });

  it('shows no other record for an offset that a transaction or compaction left empty', async () => {
    const records = [recordOf({ offset: 7n })];
    const { ask } = await serverOf({ kind: 'read', records, nextOffset: 8n });
    expect(await ask(path(5))).toMatchObject({
      status: 404,
      body: {
        code: 'record_unknown',
        detail: expect.stringContaining('3 to 9 of this partition, but no record'),
      },
    });
  });

  it('answers 503 while a partition cannot be read', async () => {
    const { ask } = await serverOf({ kind: 'unreadable', problem: 'has no leader' });
    expect(await ask(path(5))).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { code: 'record_unreadable', detail: 'order_events/0 has no leader.' },
    });
  });
});
