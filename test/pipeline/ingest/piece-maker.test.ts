import { describe, expect, it } from 'vitest';
import { PieceMaker } from '../../../src/pipeline/ingest/piece-maker.ts';
import type { FetchedRecords, LogRecord } from '../../../src/ports/event-log.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import type { QuarantinedRecord } from '../../../src/ports/quarantine.ts';
import { MAX_RECORD_BYTES } from '../../checks/lib/malformed.ts';
import { workload } from '../../checks/lib/workload.ts';
import { ordersDecoder, TOPIC_NAMES } from '../decode/records.ts';

const TOPIC = TOPIC_NAMES.order_events;
const NOW_MS = 1_764_000_000_000;
const decoder = ordersDecoder({ maxRecordBytes: MAX_RECORD_BYTES });

/** Good and bad records of the orders' topic, with gaps between their offsets. */
function records(count: number, seed: number): LogRecord[] {
  const topics = { order: TOPIC, payment: TOPIC_NAMES.payment_events };
  const options = { events: count * 4, seed, topics, duplicateRate: 0.1, lateRate: 0.1, malformedRate: 0.3 };
  return [...workload(options)]
    .filter(({ record }) => record.topic === TOPIC)
    .slice(0, count)
    .map(({ record }, index) => ({ ...record, offset: BigInt(3 * index + 10), timestampMs: index }));
}

function fetched(list: readonly LogRecord[]): FetchedRecords {
  const last = list.at(-1)?.offset ?? 9n;
  return { topic: TOPIC, partition: 2, records: list, nextOffset: last + 2n, leaderEpoch: 4 };
}

const FIELDS = [
  'entityId',
  'eventId',
  'contentHash',
  'position',
  'occurredAtMs',
  'cautionRank',
  'eventType',
  'revision',
  'observedAtMs',
  'topic',
  'partition',
  'offset',
  'data',
  'trace',
  'event',
] as const satisfies readonly (keyof JournaledEvent | 'event')[];

function plain(event: JournaledEvent & { readonly event: unknown }): Record<string, unknown> {
  return Object.fromEntries(FIELDS.map((name) => [name, event[name]]));
}

describe('the pieces of taken records', () => {
  it('pieces hold what the decoder makes of each record, and their bytes', () => {
    const list = records(2_000, 7);
    const pieces = [...new PieceMaker(decoder, 4_000).piecesOf(fetched(list), NOW_MS)];
    const events: unknown[] = [];
    const rejected: QuarantinedRecord[] = [];
    for (const record of list) {
      const decoded = decoder.decode(record, { topic: TOPIC, partition: 2 }, NOW_MS);
      if (decoded.kind === 'event') events.push(plain(decoded.event));
      else rejected.push(decoded.record);
    }
    expect(events.length).toBeGreaterThan(500);
    expect(rejected.length).toBeGreaterThan(200);
    expect(pieces.flatMap((piece) => piece.events.map(plain))).toEqual(events);
    expect(pieces.flatMap((piece) => piece.rejected)).toEqual(rejected);
    const bodies = pieces.flatMap((piece) => piece.events.map(({ data }) => Buffer.byteLength(data)));
    const values = rejected.map(({ valueLength }) => valueLength);
    const bytes = [...bodies, ...values].reduce((sum, each) => sum + each, 0);
    expect(pieces.reduce((sum, piece) => sum + piece.bytes, 0)).toBe(bytes);
  });

  it('a piece has at most 250 records, and no more than a batch may have', () => {
    const list = records(600, 8);
    const sizes = (batchEvents: number) =>
      [...new PieceMaker(decoder, batchEvents).piecesOf(fetched(list), NOW_MS)].map(
        ({ consumed }) => consumed,
      );
    expect(sizes(4_000)).toEqual([250, 250, 100]);
    expect(sizes(200)).toEqual([200, 200, 200]);
  });

  it('a piece ends where the next one begins, and the last one where the log was read to', () => {
    const list = records(300, 9);
    const [first, last] = [...new PieceMaker(decoder, 4_000).piecesOf(fetched(list), NOW_MS)];
    expect(first).toMatchObject({ toOffset: list[250]?.offset, timestampMs: 0, lastTimestampMs: 249 });
    expect(last).toMatchObject({
      toOffset: (list[299]?.offset ?? 0n) + 2n,
      timestampMs: 250,
      lastTimestampMs: 299,
    });
  });

  it('one piece without records moves the next offset, and keeps nothing waiting', () => {
    const [piece, ...more] = [...new PieceMaker(decoder, 4_000).piecesOf(fetched([]), NOW_MS)];
    expect(more).toEqual([]);
    expect(piece).toMatchObject({
      toOffset: 11n,
      consumed: 0,
      bytes: 0,
      timestampMs: Number.NEGATIVE_INFINITY,
    });
  });

  it('the bodies of a piece stay as they are while others are committed and made', () => {
    const maker = new PieceMaker(decoder, 4_000);
    const piecesOf = (seed: number) => [...maker.piecesOf(fetched(records(500, seed)), NOW_MS)];
    const bodiesOf = (pieces: ReturnType<typeof piecesOf>) =>
      pieces.flatMap(({ events }) => events.map(({ data }) => data));
    const waiting = piecesOf(1);
    const bodies = bodiesOf(waiting);
    for (let seed = 2; seed < 8; seed++) {
      const pieces = piecesOf(seed);
      expect(bodiesOf(waiting)).toEqual(bodies);
      maker.committed(pieces);
      maker.committed(pieces);
    }
    maker.committed(waiting);
    expect(() => waiting[0]?.events[0]?.data).toThrow('after its commit');
  });
});
