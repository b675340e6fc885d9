import type { Connection } from './database.ts';
import { readExtent } from './journal-index.ts';
import { numberOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';

/** An entity with more events is looked for in the index before its events are counted. */
const COUNTED_MAX = 1_024;

export function isJournaled(connection: Connection, entityId: string): boolean {
  return (
    connection.statement('SELECT 1 FROM event_journal WHERE entity_id = ? LIMIT 1').get(entityId) !==
    undefined
  );
}

/** How many events of the entity are in the journal, which is its version. */
export function countEvents(connection: Connection, entityId: string): number {
  return numberOf(
    connection.statement('SELECT count(*) AS events FROM event_journal WHERE entity_id = ?').get(entityId)
      ?.events,
  );
}

/**
 * How many events the entity has in the journal, which is its version. A million events take long to be counted: where
 * the index and the view's row say the same, that is the number.
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
