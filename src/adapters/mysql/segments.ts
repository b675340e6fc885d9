import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { EntityChange } from '../../ports/commit.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { ParameterWriter } from './parameter-writer.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { textOf } from './values.ts';

/** As many as `journal_places` has rows: the view event_journal would not show the others. */
const MAX_SEGMENT_EVENTS = 16;
/** Of bodies, in UTF-16 units: the view reads a segment anew for each column. One larger event goes alone. */
const MAX_SEGMENT_LENGTH = 64 * 1024;

/** The events that one transaction adds to one entity, or some of them if there are many. */
export interface Segment {
  readonly entityId: string;
  readonly firstVersion: number;
  readonly events: readonly JournaledEvent[];
}

/** Of the segment that is being written, in bytes: one array for all, since there are so many. */
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
    for (const event of events) bodyLengths.push(writer.part(event.data));
    writer.endParts();
    writer.beginParts();
    writeEvents(writer, events);
    writer.endParts();
    bodyLengths.length = 0;
  },
});

/** The segments that a change's events make. */
export function segmentsOf({
  entityId,
  fromVersion,
  events,
}: Pick<EntityChange, 'entityId' | 'fromVersion' | 'events'>): Segment[] {
  const segments: Segment[] = [];
  for (let from = 0; from < events.length; ) {
    const to = segmentEnd(events, from);
    const some = to - from === events.length ? events : events.slice(from, to);
    segments.push({ entityId, firstVersion: fromVersion + from + 1, events: some });
    from = to;
  }
  return segments;
}

function segmentEnd(events: readonly JournaledEvent[], from: number): number {
  const limit = Math.min(events.length, from + MAX_SEGMENT_EVENTS);
  let to = from + 1;
  let length = (events[from] as JournaledEvent).data.length;
  for (; to < limit; to++) {
    length += (events[to] as JournaledEvent).data.length;
    if (length > MAX_SEGMENT_LENGTH) break;
  }
  return to;
}

/** The segments of the entity that begin with these versions, by that version; those that are not there are left out. */
export async function readSegments(
  connection: PoolConnection,
  entityId: string,
  firstVersions: readonly number[],
): Promise<Map<number, JournaledEvent[]>> {
  const segments = new Map<number, JournaledEvent[]>();
  for (const versions of chunksOf(firstVersions)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT first_version, events, bodies FROM journal_segments FORCE INDEX (PRIMARY) WHERE entity_id = ? ' +
        `AND first_version IN (${marks(versions.length)})`,
      [entityId, ...versions.map(String)],
    );
    for (const row of rows)
      segments.set(Number(row[0]), parseEvents(entityId, textOf(row[1]), row[2] as Buffer));
  }
  return segments;
}

/** What an event is in a segment, in this sequence; migration 0001 takes it apart by the same places. */
type PackedEvent = readonly [
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
  /** As a text: JSON's numbers are exact to 2^53 only. */
  offset: string,
  /** Where the body begins, from 1, and how many bytes it has. */
  bodyAt: number,
  bodyLength: number,
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
    writer.jsonText(event.eventId);
    writer.json(',"');
    writer.part(event.contentHash);
    writer.json('",');
    writer.jsonText(event.eventType);
    writer.json(',');
    if (event.revision === null) writer.json('null');
    else writer.jsonInteger(event.revision);
    writer.json(',');
    writer.jsonInteger(event.observedAtMs);
    writer.json(',');
    writer.jsonText(event.topic);
    writer.json(',');
    writer.jsonInteger(event.partition);
    writer.json(',"');
    writer.json(String(event.offset));
    writer.json('",');
    writer.jsonInteger(bodyAt);
    writer.json(',');
    writer.jsonInteger(bodyLength);
    writer.json(']');
    bodyAt += bodyLength;
  }
  writer.json(']');
}

/** The events of a segment. */
export function parseEvents(entityId: string, printed: string, bodies: Buffer): JournaledEvent[] {
  return (JSON.parse(printed) as PackedEvent[]).map((packed) => ({
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
  }));
}
