import { TributaryError } from '../../core/errors.ts';
import type { Store, StoredRow } from '../../ports/store.ts';
import type { LedgerPlace, SettledChange, ViewState } from '../../ports/view-rebuild.ts';
import type { DueRules } from '../ingest/due.ts';
import type { Folder } from './folder.ts';
import { replacing } from './replacing.ts';
import { changedColumns, type ReportCounts } from './report.ts';

/** The rows whose changes become due in one transaction. */
const SETTLED_ROWS = 500;
const SETTLE_ATTEMPTS_MAX = 100;

export interface ChangedStatesParts<State, Event> {
  readonly store: Pick<Store, 'ledgerOf' | 'settleChanges'>;
  readonly due: DueRules;
  readonly folder: Folder<State, Event>;
}

/** Works out what a rebuild means to the targets. */
export class ChangedStates<State, Event> {
  readonly #parts: ChangedStatesParts<State, Event>;

  constructor(parts: ChangedStatesParts<State, Event>) {
    this.#parts = parts;
  }

  /**
   * Counts the states that would become due. `before` has the present rows of the entities that differ. Resolves with those
   * entities that have a journal.
   */
  async countDue(
    before: ReadonlyMap<string, StoredRow | null>,
    counts: ReportCounts,
  ): Promise<ReadonlySet<string>> {
    const { due, store, folder } = this.#parts;
    const journaled = new Set<string>();
    const ids = [...before.keys()];
    for (let from = 0; from < ids.length; from += SETTLED_ROWS) {
      const some = ids.slice(from, from + SETTLED_ROWS);
      const ledger = Map.groupBy(await store.ledgerOf(some), ({ entityId }) => entityId);
      for (const { entityId, row, isReady } of await folder.fold(some)) {
        journaled.add(entityId);
        if (row === null) continue;
        const owed = (ledger.get(entityId) ?? []).map(({ target }) => target);
        const { qualifiesFor } = due.changed(row, isReady);
        const isNew = before.get(entityId) === null;
        const targets = isNew
          ? qualifiesFor.filter((target) => !owed.includes(target))
          : new Set([...qualifiesFor, ...owed]);
        for (const target of targets) counts.due[target] = (counts.due[target] ?? 0) + 1;
      }
    }
    return journaled;
  }

  /** Makes the changed ones of these entities due. Resolves with null if another process has ended the settling. */
  async makeDue(state: ViewState, before: ReadonlyMap<string, StoredRow | null>): Promise<number | null> {
    const { store } = this.#parts;
    const rebuildId = state.rebuild?.rebuildId ?? '';
    let due = 0;
    const ids = [...before.keys()];
    for (let from = 0; from < ids.length || from === 0; from += SETTLED_ROWS) {
      let left: readonly string[] = ids.slice(from, from + SETTLED_ROWS);
      for (let attempt = 1; ; attempt++) {
        const changes = await this.#changesOf(state, left, before);
        const settled = await store.settleChanges({ rebuildId, changes });
        if (settled === null) return null;
        due += settled.due;
        left = settled.stale;
        if (left.length === 0) break;
        if (attempt === SETTLE_ATTEMPTS_MAX)
          throw new TributaryError('store_busy', `Ingest changes ${left.length} rows again and again.`);
      }
    }
    return due;
  }

  async #changesOf(
    { columns, rebuild }: ViewState,
    entityIds: readonly string[],
    before: ReadonlyMap<string, StoredRow | null>,
  ): Promise<SettledChange[]> {
    const { due, store, folder } = this.#parts;
    const folded = await folder.fold(entityIds);
    // Entities that are new, and those that ingest has changed since the tables were exchanged.
    const asked = folded
      .filter(({ entityId, version }) => before.get(entityId)?.version !== version)
      .map(({ entityId }) => entityId);
    const ledger =
      asked.length === 0
        ? new Map<string, never>()
        : Map.groupBy(await store.ledgerOf(asked), ({ entityId }) => entityId);
    const changes: SettledChange[] = [];
    for (const { entityId, version, row, isReady } of folded) {
      const former = before.get(entityId) ?? null;
      if (row === null) continue;
      const delivery = due.changed(row, isReady);
      const places: readonly LedgerPlace[] = ledger.get(entityId) ?? [];
      if (former === null) {
        const owed = places.map(({ target }) => target);
        const qualifiesFor = delivery.qualifiesFor.filter((target) => !owed.includes(target));
        if (qualifiesFor.length > 0)
          changes.push({ entityId, version, isNew: true, delivery: { hasChanged: true, qualifiesFor } });
        continue;
      }
      if (changedColumns(former.row, row, rebuild?.formerColumns ?? [], columns).length === 0) continue;
      if (isDueSince(former.version, places)) continue;
      changes.push({
        entityId,
        version,
        isNew: false,
        delivery: replacing(delivery, entityId, version, former),
      });
    }
    return changes;
  }
}

/**
 * Whether every target that is owed the entity is owed a later version than that of its former row. Ingest has made that one due
 * from the new view, and makes the next one due if the row changes again.
 */
function isDueSince(formerVersion: number, places: readonly LedgerPlace[]): boolean {
  return places.length > 0 && places.every(({ dueVersion }) => dueVersion > formerVersion);
}
