import { hash } from 'node:crypto';
import type { SequenceKey } from '../../core/sequence.ts';
import { sequenceBytes } from '../../core/sequence-bytes.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { StoredRung } from '../../ports/long-journals.ts';
import type { Connection } from './database.ts';
import { isoTime, KEY_COLUMNS, toKey } from './event-rows.ts';
import { numberOf } from './values.ts';

/** Moves an entity's index and ladder on in the commit of a change, if they stand where the change begins. */
export function writeLong(writer: Connection, change: EntityChange): void {
  const { entityId, fromVersion, version, events, long } = change;
  if (long === undefined) return;
  const { changes } = writer
    .statement(
      'UPDATE journal_index SET sequence_position = ? WHERE entity_id = ? AND id_hash = 0 AND sequence_position = ? AND time_occurred = ?',
    )
    .run(version, entityId, fromVersion, long.foldVersion ?? -1);
  if (Number(changes) !== 1) return;
  const insert = writer.statement(INSERT_INDEXED);
  for (const event of events) insert.run(entityId, ...entryOf(event));
  if (long.dropFrom !== null) dropRungs(writer, entityId, long.dropFrom);
  putRungs(writer, entityId, long.rungs);
}

/** The version up to which an entity is indexed, and the fold version of its ladder. */
export interface Extent {
  readonly version: number;
  readonly foldVersion: number;
}

export function readExtent(connection: Connection, entityId: string): Extent | null {
  const row = connection
    .statement(
      'SELECT sequence_position, time_occurred FROM journal_index WHERE entity_id = ? AND id_hash = 0',
    )
    .get(entityId);
  if (row === undefined) return null;
  return { version: numberOf(row.sequence_position), foldVersion: numberOf(row.time_occurred) };
}

/**
 * The keys of the journal's events with this id. An entry of the index whose event is not in the journal does not
 * count.
 */
export function readKnown(reader: Connection, entityId: string, eventId: string): SequenceKey[] {
  const candidates = reader
    .statement(
      'SELECT sequence_position, time_occurred, caution_rank FROM journal_index WHERE entity_id = ? AND id_hash = ?',
    )
    .all(entityId, idHash(eventId));
  const select = reader.statement(`
    SELECT ${KEY_COLUMNS} FROM event_journal WHERE entity_id = ? AND sequence_position = ? AND time_occurred = ?
    AND caution_rank = ? AND event_id = ?`);
  return candidates.flatMap(({ sequence_position, time_occurred, caution_rank }) =>
    select
      .all(
        entityId,
        numberOf(sequence_position),
        isoTime(numberOf(time_occurred)),
        numberOf(caution_rank),
        eventId,
      )
      .map(toKey),
  );
}

export const INSERT_INDEXED =
  'INSERT OR IGNORE INTO journal_index (entity_id, id_hash, sequence_position, time_occurred, caution_rank) VALUES (?, ?, ?, ?, ?)';

export type IndexEntry = readonly [hash: bigint, position: number, occurredAtMs: number, cautionRank: number];

export function entryOf({ eventId, position, occurredAtMs, cautionRank }: SequenceKey): IndexEntry {
  return [idHash(eventId), position, occurredAtMs, cautionRank];
}

/** Removes the rungs at or behind `from`; null removes all. */
export function dropRungs(writer: Connection, entityId: string, from: SequenceKey | null): void {
  writer
    .statement('DELETE FROM fold_snapshots WHERE entity_id = ? AND sequence_key >= ?')
    .run(entityId, from === null ? new Uint8Array() : sequenceBytes(from));
}

export function putRungs(writer: Connection, entityId: string, rungs: readonly StoredRung[]): void {
  const insert = writer.statement(
    'INSERT OR REPLACE INTO fold_snapshots (entity_id, sequence_key, state) VALUES (?, ?, ?)',
  );
  for (const { last, state } of rungs) insert.run(entityId, sequenceBytes(last), state);
}

/** The hash of an event id as the column `id_hash` has it. */
function idHash(eventId: string): bigint {
  const found = hash('sha256', eventId, 'buffer').readBigInt64BE(0);
  return found === 0n ? 1n : found;
}
