import type { TopicPartition } from '../../../src/core/offset.ts';
import { partitionName } from '../../../src/core/offset.ts';
import type { MemoryDatabase } from '../../../src/testing/memory-store/database.ts';
import { ViewTable } from '../../../src/testing/memory-store/view-table.ts';
import type { QuarantinePlace, StoreTables } from './tables.ts';

const VIEW = 'orders';

/** Looks into the database past the port of the store, and past every lock. */
export class TablesOfMemory implements StoreTables {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  get isMigrated(): boolean {
    return this.#database.schema !== null;
  }

  checkpoints() {
    return this.#database.schema?.checkpoints.values() ?? [];
  }

  journal(entityId: string): readonly string[] {
    return this.#database.schema?.journal.get(entityId)?.events.map(({ data }) => data) ?? [];
  }

  row(entityId: string) {
    return this.#view?.get(entityId) ?? null;
  }

  ledger(target: string, entityId: string) {
    const row = this.#database.schema?.ledgers.row(target, entityId);
    if (row === undefined) return null;
    const { dueVersion, deliveredVersion, status } = row;
    return { dueVersion, deliveredVersion: deliveredVersion === 0 ? null : deliveredVersion, status };
  }

  isQuarantined({ topic, partition }: TopicPartition, { offset, value }: QuarantinePlace): boolean {
    const quarantine = this.#database.schema?.quarantine;
    if (quarantine === undefined) return false;
    const { sorted } = quarantine;
    for (let index = quarantine.indexBehind({ topic, partition, offset, valueHash: '' }); ; index++) {
      const found = sorted[index];
      const isHere = found?.topic === topic && found.partition === partition && found.offset === offset;
      if (found === undefined || !isHere) return false;
      if (found.settlement === null && isSame(found.value, value)) return true;
    }
  }

  isParked(entityId: string): boolean {
    return this.#database.schema?.parked.has(entityId) === true;
  }

  totals() {
    const schema = this.#database.schema;
    return {
      journaled: schema?.journal.count ?? 0,
      rows: this.#view?.rows.size ?? 0,
      quarantined: schema?.quarantine.openCount ?? 0,
      parked: schema?.parked.size ?? 0,
    };
  }

  decisions(): number {
    return this.#database.schema?.resumed.length ?? 0;
  }

  decisionsBehind(number: number): Iterable<TopicPartition> {
    return this.#database.schema?.resumed.slice(number) ?? [];
  }

  hasOpenJobs(): boolean {
    for (const { state } of this.#database.schema?.jobs.values() ?? [])
      if (state === 'waiting' || state === 'running') return true;
    return false;
  }

  /** The number of dead deliveries. */
  deadOf(target: string): number {
    return this.#database.schema?.ledgers.get(target)?.dead ?? 0;
  }

  hasCheckpoint(place: TopicPartition): boolean {
    return this.#database.schema?.checkpoints.has(partitionName(place)) === true;
  }

  /** Deletes or alters a row by hand. Says whether there was one. */
  vandalise(entityId: string, what: 'row_gone' | 'row_altered'): boolean {
    const view = this.#view;
    const stored = view?.get(entityId);
    if (view === undefined || stored === undefined) return false;
    if (what === 'row_gone') view.delete(entityId);
    else view.put(entityId, ['CREATED', 'nobody knows', null, true], stored.version);
    return true;
  }

  /** Makes every dead delivery due again, as an operator's command does. */
  redriveAll(target: string, nowMs: number): void {
    const ledger = this.#database.schema?.ledgers.get(target);
    for (const row of [...(ledger?.rows.values() ?? [])]) {
      if (row.status !== 'dead') continue;
      ledger?.change(row, { status: 'pending', attempts: 0, isRetry: false, nextAttemptAt: nowMs });
    }
  }

  get #view(): ViewTable | undefined {
    const table = this.#database.tables.get(VIEW);
    return table instanceof ViewTable ? table : undefined;
  }
}

function isSame(left: Uint8Array | null, right: Uint8Array | null): boolean {
  if (left === null || right === null) return left === right;
  return Buffer.compare(left, right) === 0;
}
