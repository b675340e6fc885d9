import { historyOf } from '../../core/fold.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EntityChange, JournaledEvent, Store } from '../../ports/store.ts';
import type { PlanContext } from '../ingest/batch-plan.ts';
import { isSameRow, UNCHANGED } from '../ingest/due.ts';
import {
  foldFault,
  journalFault,
  RowFault,
  restoreAll,
  rowFault,
  type Unfoldable,
} from '../ingest/unfoldable.ts';

export interface RefoldParts<State, Event>
  extends Pick<PlanContext<State, Event>, 'domain' | 'decoder' | 'due'> {
  readonly store: Pick<Store, 'commit' | 'readView'>;
  readonly clock: Pick<Clock, 'now'>;
}

export interface Refolded {
  readonly entityId: string;
  /** Why the entity cannot be folded; null if its row is now the fold of its journal. */
  readonly fault: Unfoldable | null;
}

/**
 * Folds each entity anew from its journal and writes its row, in one transaction that holds the entities. An entity
 * without a journal is left out of the answer.
 *
 * `repair`: for rows that were lost or altered. Nothing becomes due by that: the ledger changed together with the
 * journal, and so it is right. An entity that cannot be folded is parked.
 * `release`: for parked entities. What can be folded is no longer parked, and is due if its row has changed meanwhile.
 */
export async function refold<State, Event>(
  { domain, decoder, due, store, clock }: RefoldParts<State, Event>,
  entityIds: readonly string[],
  purpose: 'repair' | 'release',
): Promise<Refolded[]> {
  const ids = [...new Set(entityIds)].sort(compareUtf8);
  // A parked entity's columns stand still, so what is read here is what the transaction finds.
  const stored = purpose === 'release' ? await store.readView(ids) : new Map();
  let refolded: Refolded[] = [];
  const plan = async (
    versions: ReadonlyMap<string, number> | null,
    readJournals: (entityIds: readonly string[]) => Promise<Map<string, JournaledEvent[]>>,
  ): Promise<EntityChange[]> => {
    refolded = [];
    const changes: EntityChange[] = [];
    for (const [entityId, journal] of await readJournals(ids)) {
      const version = versions?.get(entityId) ?? journal.length;
      const base = { entityId, fromVersion: version, version, events: [] };
      const folded = foldWhole(entityId, journal, version);
      refolded.push({ entityId, fault: 'reason' in folded ? folded : null });
      if (!('reason' in folded)) {
        const { row, isReady } = folded;
        const before = stored.get(entityId);
        const hasChanged = purpose === 'release' && (before === undefined || !isSameRow(before.row, row));
        const delivery = hasChanged ? due.changed(row, isReady) : UNCHANGED;
        changes.push({
          ...base,
          row,
          delivery,
          ...(purpose === 'release' ? { parking: { kind: 'release' } } : {}),
        });
      } else if (purpose === 'repair') {
        const { reason, detail } = folded;
        const parking = { kind: 'park', reason, detail, parkedAtMs: clock.now() } as const;
        changes.push({ ...base, row: null, delivery: UNCHANGED, parking });
      }
    }
    return changes;
  };

  const foldWhole = (entityId: string, journal: readonly JournaledEvent[], version: number) => {
    const fault = journalFault(journal, version);
    if (fault !== null) return fault;
    const restored = restoreAll(decoder, journal);
    if ('reason' in restored) return restored;
    try {
      const { state } = historyOf(domain, restored.events);
      const row = domain.view.row(state);
      const misfit = rowFault(domain.view, row);
      if (misfit !== null) throw new RowFault(misfit);
      return { entityId, row, isReady: domain.view.isReady(state) };
    } catch (error) {
      return foldFault(domain, error, restored.events);
    }
  };

  await store.commit({ moves: [], quarantined: [], entityIds: ids, mode: 'locking', plan });
  return refolded;
}
