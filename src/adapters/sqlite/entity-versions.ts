import type { Connection } from './database.ts';
import { readExtent } from './journal-index.ts';
import { numberOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';

/** If the journal has more events than this, the version is looked up before the events are counted. */
const COUNTED_MAX = 1_024;

export function isJournaled(connection: Connection, entityId: string): boolean {
  return (
    connection.statement('SELECT 1 FROM event_journal WHERE entity_id = ? LIMIT 1').get(entityId) !==
    undefined
  );
}

/** The version of the entity: the number of its events in the journal. */
export function countEvents(connection: Connection, entityId: string): number {
  return numberOf(
    connection.statement('SELECT count(*) AS events FROM event_journal WHERE entity_id = ?').get(entityId)
      ?.events,
  );
}

/**
 * The version of the entity: the number of its events in the journal. Counting a million events takes long, so where
 * the index and the view's row agree on a version, that is the answer.
 */
export function journaledVersion(writer: Connection, view: ViewRows, entityId: string): number {
  const few = writer
    .statement(
      `SELECT count(*) AS events FROM (SELECT 1 FROM event_journal WHERE entity_id = ? LIMIT ${COUNTED_MAX + 1})`,
    )
    .get(entityId);
  const counted = numberOf(few?.events);
  if (counted <= COUNTED_MAX) return counted;
  const row = writer.statement(`SELECT version FROM ${view.table} WHERE ${view.key} = ?`).get(entityId);
  const indexed = readExtent(writer, entityId)?.version;
  return indexed !== undefined && row?.version === BigInt(indexed) ? indexed : countEvents(writer, entityId);
}
