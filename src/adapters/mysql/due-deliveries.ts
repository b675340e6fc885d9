import type { PoolConnection, ResultSetHeader } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { lastTraceOf, packTrace } from '../../core/trace-context.ts';
import type { EntityChange } from '../../ports/commit.ts';
import { identifier } from './identifier.ts';
import { recordReplaced } from './reconciliation.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import type { StoreTime } from './store-time.ts';

/** Writes the deliveries that a batch makes due, in the transaction of the batch. */
export class DueDeliveries {
  readonly #targets: readonly string[];
  readonly #time: Pick<StoreTime, 'now'>;
  readonly #makeKnownDue: (count: number, trace: string) => string;

  constructor(targets: readonly string[], time: Pick<StoreTime, 'now'>, view: ViewShape) {
    this.#targets = targets;
    this.#time = time;
    const version = `SELECT v.version FROM ${identifier(view.table)} v WHERE v.${identifier(view.keyColumn)} = deliveries.entity_id`;
    this.#makeKnownDue = (count, trace) =>
      'UPDATE deliveries SET next_attempt_at = IF(claim_id <> 0, next_attempt_at, ?), ' +
      `due_version = (${version}), status = 'pending', attempts = 0, is_retry = 0, due_since = ?, trace = ${trace} ` +
      `WHERE target = ? AND entity_id IN (${marks(count)})`;
  }

  /**
   * Makes the states of these changes due, after their rows were written to the view. Resolves with the number of
   * deliveries that became due.
   */
  async makeDue(connection: PoolConnection, changes: readonly DueChange[]): Promise<number> {
    const replacing = changes.filter(
      ({ delivery }) => delivery.hasChanged && delivery.replaces !== undefined,
    );
    const now = this.#time.now();
    let count = 0;
    for (const target of this.#targets) {
      if (replacing.length > 0) await recordReplaced(connection, target, replacing);
      const qualifying: DueState[] = [];
      const others: KnownState[] = [];
      for (const { entityId, version, fromVersion, delivery, events } of changes) {
        if (!delivery.hasChanged) continue;
        if (delivery.qualifiesFor.includes(target))
          qualifying.push({ target, entityId, version, now, trace: traceOf(events) });
        // A new entity has no row in the ledger yet.
        else if (fromVersion > 0) others.push({ entityId, trace: traceOf(events) });
      }
      await upsertDue.run(connection, qualifying);
      count += qualifying.length;
      for (const chunk of chunksOf(others)) {
        const ids = chunk.map(({ entityId }) => entityId);
        const { sql, values } = tracesOf(chunk);
        const [updated] = await connection.execute<ResultSetHeader>(this.#makeKnownDue(ids.length, sql), [
          now,
          now,
          ...values,
          target,
          ...ids,
        ]);
        count += updated.affectedRows;
      }
    }
    return count;
  }
}

/** The part of a change that deliveries need. */
export type DueChange = Pick<EntityChange, 'entityId' | 'fromVersion' | 'version' | 'delivery' | 'events'>;

interface KnownState {
  readonly entityId: string;
  /** Null if no event of the change has a trace. */
  readonly trace: string | null;
}

function traceOf(events: EntityChange['events']): string | null {
  const trace = lastTraceOf(events);
  return trace === undefined ? null : packTrace(trace);
}

/** The traces of a chunk as one expression, and its parameters. */
function tracesOf(chunk: readonly KnownState[]): {
  readonly sql: string;
  readonly values: (Buffer | string)[];
} {
  if (chunk.every(({ trace }) => trace === null)) return { sql: 'NULL', values: [] };
  const list = marks(chunk.length);
  return {
    sql: `NULLIF(ELT(FIELD(entity_id, ${list}), ${list}), '')`,
    values: [...chunk.map(({ entityId }) => Buffer.from(entityId)), ...chunk.map(({ trace }) => trace ?? '')],
  };
}

interface DueState {
  readonly target: string;
  readonly entityId: string;
  readonly version: number;
  readonly now: number;
  readonly trace: string | null;
}

/**
 * Makes a row due at its new version. Leaves a claim alone, whether or not its lease is over: the row keeps its place
 * in the index, where anybody may claim the new version when the lease is over. Settling the claim makes the new
 * version due at once.
 */
const upsertDue = new RowsStatement<DueState>({
  before:
    'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at, due_since, trace) VALUES',
  row: "(?,?,?,'pending',0,?,?,?)",
  after:
    'ON DUPLICATE KEY UPDATE next_attempt_at = IF(claim_id <> 0, next_attempt_at, VALUES(next_attempt_at)), ' +
    "due_version = VALUES(due_version), status = 'pending', attempts = 0, is_retry = 0, due_since = VALUES(due_since), " +
    'trace = VALUES(trace)',
  columns: ['bytes', 'bytes', 'integer', 'integer', 'integer', 'text'],
  write(writer, { target, entityId, version, now, trace }) {
    writer.text(target);
    writer.text(entityId);
    writer.integer(version);
    writer.integer(now);
    writer.integer(now);
    writer.text(trace);
  },
});
