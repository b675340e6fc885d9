import type { EntityChange } from '../../ports/commit.ts';
import type { JournaledEntity, JournaledEvent } from '../../ports/journal.ts';
import type { Connection } from './database.ts';
import { isoTime, KEY_COLUMNS, toEvent } from './event-rows.ts';
import { nullOr, numberOf, textOf } from './values.ts';

const INSERT = `
  INSERT INTO event_journal (
    entity_id, sequence_position, time_occurred, caution_rank, event_id, content_hash, event_type, revision,
    time_observed, topic, partition_id, record_offset, data, entity_version, trace_parent, trace_state
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/**
 * Writes the events of one entity that has the version `fromVersion` before them. Throws SQLite's primary key error if
 * the journal has one of them already.
 */
export function insertEvents(
  writer: Connection,
  { fromVersion, events }: Pick<EntityChange, 'fromVersion' | 'events'>,
): void {
  const insert = writer.statement(INSERT);
  let version = fromVersion;
  for (const event of events) {
    version++;
    insert.run(
      event.entityId,
      event.position,
      isoTime(event.occurredAtMs),
      event.cautionRank,
      event.eventId,
      Buffer.from(event.contentHash, 'hex'),
      event.eventType,
      event.revision,
      isoTime(event.observedAtMs),
      event.topic,
      event.partition,
      event.offset,
      event.data,
      version,
      event.trace?.traceParent ?? null,
      event.trace?.traceState ?? null,
    );
  }
}

/** Stops counting the events of an entity here, so that one long entity does not make a page slow. */
const COUNTED_EVENTS_MAX = 10_001;

/** A page of the entities. One step through the primary key finds each of them. */
export function listJournaled(
  reader: Connection,
  { after, limit }: { after: string | null; limit: number },
): JournaledEntity[] {
  const next = reader.statement('SELECT min(entity_id) AS id FROM event_journal WHERE entity_id > ?');
  const count = reader.statement(
    `SELECT count(*) AS events FROM (SELECT 1 FROM event_journal WHERE entity_id = ? LIMIT ${COUNTED_EVENTS_MAX})`,
  );
  const found: JournaledEntity[] = [];
  for (let last = after ?? ''; found.length < limit; ) {
    const entityId = nullOr(next.get(last)?.id, textOf);
    if (entityId === null) break;
    found.push({ entityId, version: numberOf(count.get(entityId)?.events) });
    last = entityId;
  }
  return found;
}

/** The primary key is the canonical sequence, so no sorting is needed. */
const SELECT = `
  SELECT * FROM event_journal WHERE entity_id = ?
  ORDER BY ${KEY_COLUMNS} LIMIT ?`;

/**
 * Adds the journals of these entities to the map, each in canonical sequence. Reads at most `maxEvents` + 1 events of
 * each.
 */
export function readJournals(
  connection: Connection,
  entityIds: readonly string[],
  journals: Map<string, JournaledEvent[]>,
  maxEvents: number | undefined,
): void {
  const select = connection.statement(SELECT);
  // To SQLite a negative limit means no limit.
  const limit = maxEvents === undefined ? -1 : maxEvents + 1;
  for (const entityId of entityIds) {
    const rows = select.all(entityId, limit);
    if (rows.length > 0) journals.set(entityId, rows.map(toEvent));
  }
}
