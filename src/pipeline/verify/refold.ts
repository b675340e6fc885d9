import { DefectError, TributaryError } from '../../core/errors.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { ReadJournals } from '../../ports/journal.ts';
import type { Store, StoredRow } from '../../ports/store.ts';
import { isSameRow, UNCHANGED } from '../ingest/due.ts';
import { LONG_LIMITS, LongHistories, type LongPlan, type Unprepared } from '../ingest/long-histories.ts';
import type { PlanContext } from '../ingest/plan-context.ts';
import { foldFault, type Unfoldable } from '../ingest/unfoldable.ts';
import { replacing } from '../rebuild/replacing.ts';
import { foldedRow, foldJournal } from './fold-journal.ts';

export interface RefoldParts<State, Event>
  extends Pick<PlanContext<State, Event>, 'domain' | 'decoder' | 'due'> {
  readonly store: Pick<Store, 'commit' | 'readView' | 'longJournals'>;
  readonly clock: Pick<Clock, 'now'>;
  /** The epoch of the view's record under which rows may be written. Without it, only an exchange of the view is noticed. */
  readonly viewEpoch?: number;
}

export interface Refolded {
  readonly entityId: string;
  /** Why the entity cannot be folded; null if its row is the fold of its journal now. */
  readonly fault: Unfoldable | null;
}

/** The most times that entities with long journals are prepared, while other instances change them. */
const MAX_PREPARATIONS = 20;
const NEVER = new AbortController().signal;

/**
 * Folds each entity anew from its journal and writes its row, in one transaction that locks the entities. The result leaves
 * out entities without a journal, and those that are parked unless the purpose is `release`. Rejects with `view_switching` if
 * the view has another epoch.
 *
 * `repair`: for rows that were lost or altered. No delivery becomes due, because the ledger is right: it changes together
 * with the journal. An entity that cannot be folded is parked.
 *
 * `release`: for parked entities. An entity that can be folded is no longer parked. Its state becomes due if its row has
 * changed, and replaces what a target may have under the same version.
 *
 * `rebuild`: for rows that a corrected fold changes. A state becomes due if its row has changed, and replaces what a target
 * may have under the same version. An entity that ingest changes meanwhile, or that cannot be folded, stays as it is.
 */
export async function refold<State, Event>(
  { domain, decoder, due, store, clock, viewEpoch }: RefoldParts<State, Event>,
  entityIds: readonly string[],
  purpose: 'repair' | 'release' | 'rebuild',
): Promise<Refolded[]> {
  let ids = [...new Set(entityIds)].sort(compareUtf8);
  // The columns of a parked entity do not change, so the transaction finds the same rows. Any other row is the same as long
  // as its version is.
  const stored: Map<string, StoredRow> = purpose === 'repair' ? new Map() : await store.readView(ids);
  const long = new LongHistories({
    domain,
    decoder,
    journals: store.longJournals,
    logger: () => {},
    limits: LONG_LIMITS,
  });
  let refolded: Refolded[] = [];
  let unprepared: readonly Unprepared[] = [];
  const plan = async (
    versions: ReadonlyMap<string, number> | null,
    readJournals: ReadJournals,
  ): Promise<EntityChange[]> => {
    refolded = [];
    unprepared = [];
    const changes: EntityChange[] = [];
    const versionOf = (entityId: string) => versions?.get(entityId) ?? 0;
    const isLong = (entityId: string) => versionOf(entityId) > long.longEvents;
    const longPlans = await planLong(ids.filter(isLong), versionOf);
    const journals = await readJournals(ids.filter((entityId) => !isLong(entityId)));
    for (const entityId of ids) {
      const version = versionOf(entityId);
      const base = { entityId, fromVersion: version, version, events: [] };
      const journal = journals.get(entityId);
      const longPlan = longPlans.get(entityId);
      const folded =
        longPlan !== undefined
          ? foldedLong(longPlan)
          : journal === undefined
            ? null
            : foldJournal(domain, decoder, journal, version);
      if (folded === null) continue;
      refolded.push({ entityId, fault: 'reason' in folded ? folded : null });
      if (!('reason' in folded)) {
        const { row, isReady } = folded;
        const before = stored.get(entityId);
        if (purpose === 'rebuild' && before?.version !== version) continue;
        const hasChanged = purpose !== 'repair' && (before === undefined || !isSameRow(before.row, row));
        const changed = hasChanged ? due.changed(row, isReady) : UNCHANGED;
        const delivery =
          hasChanged && before !== undefined ? replacing(changed, entityId, version, before) : changed;
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

  const planLong = async (longIds: readonly string[], versionOf: (entityId: string) => number) => {
    if (longIds.length === 0) return new Map<string, never>();
    const planned = await long.plan(
      longIds.map((entityId) => ({
        entityId,
        before: null,
        incoming: [],
        version: versionOf(entityId),
        isParked: false,
      })),
      async () => {},
    );
    if (planned.kind === 'planned') return planned.plans;
    unprepared = planned.entities;
    throw new DefectError('Entities with long journals are not prepared.');
  };

  const foldedLong = ({ unfoldable, before }: LongPlan<State, Event>) => {
    if (before === null) return unfoldable;
    try {
      return foldedRow(domain, before.state);
    } catch (error) {
      return foldFault(domain, error, []);
    }
  };

  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await store.commit({
        moves: [],
        quarantined: [],
        entityIds: ids,
        mode: 'locking',
        plan,
        ...(viewEpoch === undefined ? {} : { viewEpoch }),
      });
      if (outcome.kind === 'stale' && outcome.parked !== undefined) {
        // Somebody has parked them meanwhile, so their rows stay as they are.
        const parked = new Set(outcome.parked);
        ids = ids.filter((entityId) => !parked.has(entityId));
        continue;
      }
      if (outcome.kind !== 'fenced') return refolded;
      throw new TributaryError(
        'view_switching',
        `The rows of ${domain.view.table} are exchanged for rebuilt ones, or wait for that: nothing was written.`,
      );
    } catch (error) {
      if (unprepared.length === 0 || attempt === MAX_PREPARATIONS) throw error;
      await long.prepare(unprepared, NEVER);
    }
  }
}
