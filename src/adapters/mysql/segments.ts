import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { HASH_BYTES } from '../../core/key-pack.ts';
import { type TraceContext, traceContextOf } from '../../core/trace-context.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import { PackedEvent } from '../../ports/packed-event.ts';
import type { ParameterWriter } from './parameter-writer.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { bytesOf, textOf } from './values.ts';

/**
 * The most events of a segment. The table `journal_places` has this many rows, and the view event_journal shows no
 * more.
 */
export const MAX_SEGMENT_EVENTS = 16;
/**
 * About the most bytes of a segment's bodies, because the view event_journal reads a segment anew for each column. A
 * larger event has a segment of its own.
 */
const MAX_SEGMENT_LENGTH = 64 * 1024;

/** The events that one transaction adds to one entity, or some of them if there are many. */
export interface Segment {
  readonly entityId: string;
  readonly firstVersion: number;
  readonly events: readonly JournaledEvent[];
}

/**
 * The bytes of each body of the segment that is being written. One array serves all segments, of which there are many.
 */
const bodyLengths: number[] = [];

export const insertSegments = new RowsStatement<Segment>({
  before: 'INSERT INTO journal_segments (entity_id, first_version, event_count, bodies, events) VALUES',
  row: '(?,?,?,?,?)',
  columns: ['bytes', 'integer', 'integer', 'bytes', 'bytes'],
  write(writer, { entityId, firstVersion, events }) {
    writer.text(entityId);
    writer.integer(firstVersion);
    writer.integer(events.length);
    writer.beginParts();
    for (const event of events) bodyLengths.push(writeBody(writer, event));
    writer.endParts();
    writer.beginParts();
    writeEvents(writer, events);
    writer.endParts();
    bodyLengths.length = 0;
  },
});

/** Cuts the changes' events into segments. */
export function segmentsOf(
  changes: readonly Pick<EntityChange, 'entityId' | 'fromVersion' | 'events'>[],
): Segment[] {
  const segments: Segment[] = [];
  for (const { entityId, fromVersion, events } of changes) {
    for (let from = 0; from < events.length; ) {
      const to = segmentEnd(events, from);
      const some = to - from === events.length ? events : events.slice(from, to);
      segments.push({ entityId, firstVersion: fromVersion + from + 1, events: some });
      from = to;
    }
  }
  return segments;
}

function segmentEnd(events: readonly JournaledEvent[], from: number): number {
  const limit = Math.min(events.length, from + MAX_SEGMENT_EVENTS);
  let to = from + 1;
  let length = bodySize(events[from] as JournaledEvent);
  for (; to < limit; to++) {
    length += bodySize(events[to] as JournaledEvent);
    if (length > MAX_SEGMENT_LENGTH) break;
  }
  return to;
}

/** The length of a body, without making a text of a packed one. */
export function bodySize(event: JournaledEvent): number {
  if (!(event instanceof PackedEvent)) return event.data.length;
  return event.pack.bodyEnd(event.index) - event.pack.bodyAt(event.index);
}

/**
 * Reads the entity's segments that begin with these versions, by that version. A segment that does not exist is left
 * out.
 */
export async function readSegments(
  connection: PoolConnection,
  entityId: string,
  firstVersions: readonly number[],
): Promise<Map<number, JournaledEvent[]>> {
  const segments = new Map<number, JournaledEvent[]>();
  for (const versions of chunksOf(firstVersions)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT first_version, events, bodies FROM journal_segments FORCE INDEX (`PRIMARY`) WHERE entity_id = ? ' +
        `AND first_version IN (${marks(versions.length)})`,
      [entityId, ...versions.map(String)],
    );
    for (const row of rows)
      segments.set(Number(row[0]), parseEvents(entityId, textOf(row[1]), bytesOf(row[2])));
  }
  return segments;
}

/** The fields of an event in a segment. The view event_journal reads them by the same places. */
type SegmentEvent = readonly [
  position: number,
  occurredAtMs: number,
  cautionRank: number,
  eventId: string,
  contentHash: string,
  eventType: string,
  revision: number | null,
  observedAtMs: number,
  topic: string,
  partition: number,
  /** The offset as a text, because JSON's numbers are exact up to 2^53 only. */
  offset: string,
  /** The place of the body's first byte, from 1; `bodyLength` is the number of its bytes. */
  bodyAt: number,
  bodyLength: number,
  /** The event's trace, if it has one. */
  traceParent?: string,
  traceState?: string,
];

function writeEvents(writer: ParameterWriter, events: readonly JournaledEvent[]): void {
  let before = '[[';
  let bodyAt = 1;
  for (let index = 0; index < events.length; index++) {
    const event = events[index] as JournaledEvent;
    const bodyLength = bodyLengths[index] as number;
    writer.json(before);
    before = ',[';
    writer.jsonInteger(event.position);
    writer.json(',');
    writer.jsonInteger(event.occurredAtMs);
    writer.json(',');
    writer.jsonInteger(event.cautionRank);
    writer.json(',');
    writeIdentity(writer, event);
    writer.json(',');
    writer.jsonName(event.eventType);
    writer.json(',');
    if (event.revision === null) writer.json('null');
    else writer.jsonInteger(event.revision);
    writer.json(',');
    writer.jsonInteger(event.observedAtMs);
    writer.json(',');
    writer.jsonName(event.topic);
    writer.json(',');
    writer.jsonInteger(event.partition);
    writer.json(',"');
    writer.json(String(event.offset));
    writer.json('",');
    writer.jsonInteger(bodyAt);
    writer.json(',');
    writer.jsonInteger(bodyLength);
    if (event.trace !== undefined) writeTrace(writer, event.trace);
    writer.json(']');
    bodyAt += bodyLength;
  }
  writer.json(']');
}

function writeBody(writer: ParameterWriter, event: JournaledEvent): number {
  if (!(event instanceof PackedEvent)) return writer.part(event.data);
  const { pack, index } = event;
  return writer.bytesPart(pack.bodies, pack.bodyAt(index), pack.bodyEnd(index));
}

/** Writes the event's id and its content hash. */
function writeIdentity(writer: ParameterWriter, event: JournaledEvent): void {
  if (!(event instanceof PackedEvent)) {
    writer.jsonText(event.eventId);
    writer.json(',"');
    writer.part(event.contentHash);
    writer.json('"');
    return;
  }
  const { pack, index } = event;
  const hashAt = pack.hashAt(index);
  if (!writer.jsonBytes(pack.bytes, pack.idAt(index), hashAt)) writer.jsonText(event.eventId);
  writer.json(',"');
  writer.hexPart(pack.bytes, hashAt, hashAt + HASH_BYTES);
  writer.json('"');
}

function writeTrace(writer: ParameterWriter, { traceParent, traceState }: TraceContext): void {
  writer.json(',');
  writer.jsonText(traceParent);
  if (traceState === undefined) return;
  writer.json(',');
  writer.jsonText(traceState);
}

/** Reads the events of a segment. */
export function parseEvents(entityId: string, printed: string, bodies: Buffer): JournaledEvent[] {
  return (JSON.parse(printed) as SegmentEvent[]).map((packed) => {
    const event = parseEvent(entityId, packed, bodies);
    const trace = traceContextOf(packed[13], packed[14]);
    return trace === null ? event : { ...event, trace };
  });
}

function parseEvent(entityId: string, packed: SegmentEvent, bodies: Buffer): JournaledEvent {
  return {
    entityId,
    position: packed[0],
    occurredAtMs: packed[1],
    cautionRank: packed[2],
    eventId: packed[3],
    contentHash: packed[4],
    eventType: packed[5],
    revision: packed[6],
    observedAtMs: packed[7],
    topic: packed[8],
    partition: packed[9],
    offset: BigInt(packed[10]),
    data: bodies.toString('utf8', packed[11] - 1, packed[11] - 1 + packed[12]),
  };
}
