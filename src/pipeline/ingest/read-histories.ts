import { type History, historyOf, versionOf } from '../../core/fold.ts';
import type { JournaledEvent, ReadJournals } from '../../ports/journal.ts';
import type { LongHistories } from './long-histories.ts';
import type { Newcomers } from './newcomers.ts';
import type { PlanContext } from './plan-context.ts';
import { foldFault, journalFault, restoreAll, type Unfoldable } from './unfoldable.ts';

/** The journal of an entity that cannot be folded, and why it cannot. */
export interface UnfoldableJournal extends Unfoldable {
  readonly journal: readonly JournaledEvent[];
}

/** What is known of the entities of a batch before the batch. */
export interface KnownHistories<State, Event> {
  /** The histories by entity id. An entity without a journal is left out. */
  readonly histories: Map<string, History<State, Event>>;
  /** The entities that were not in the cache, unless they were taken for new. */
  readonly wereRead: ReadonlySet<string>;
  /** The entities whose journals were read and cannot be folded. */
  readonly unfoldable: ReadonlyMap<string, UnfoldableJournal>;
  /** The entities whose journals are too long to be read whole. */
  readonly longIds: ReadonlySet<string>;
  /** Whether entities were taken for new without being looked up. */
  readonly isGuessed: boolean;
  /** Whether the journal of a locked entity is shorter than the cache knew it, so that the store went back in time. */
  readonly isStoreBehind: boolean;
}

export interface BatchEntities<State, Event> {
  readonly entityIds: readonly string[];
  readonly long: LongHistories<State, Event>;
  readonly newcomers: Newcomers;
}

/**
 * Takes the entities' histories from the cache, and folds the others from their journals. `versions` are those of
 * locked entities; null means that the cache has to be trusted.
 */
export async function readHistories<State, Event>(
  { cache, decoder, domain, parked }: PlanContext<State, Event>,
  { entityIds, long, newcomers }: BatchEntities<State, Event>,
  versions: ReadonlyMap<string, number> | null,
  readJournals: ReadJournals,
): Promise<KnownHistories<State, Event>> {
  const histories = new Map<string, History<State, Event>>();
  const unfoldable = new Map<string, UnfoldableJournal>();
  const longIds = new Set<string>();
  const unknown: string[] = [];
  let isStoreBehind = false;
  // The cache is read before anything is awaited, because other lanes change it meanwhile.
  for (const entityId of entityIds) {
    const version = versions === null ? null : (versions.get(entityId) ?? 0);
    const cached = cache.get(entityId);
    if (version !== null && cached !== undefined && versionOf(cached) > version) isStoreBehind = true;
    if (version === 0) continue;
    if (
      cached !== undefined &&
      !parked.has(entityId) &&
      (version === null || versionOf(cached) === version)
    ) {
      histories.set(entityId, cached);
      if (long.isLong(cached)) longIds.add(entityId);
    } else if (version !== null && version > long.longEvents) {
      longIds.add(entityId);
    } else unknown.push(entityId);
  }
  const isGuessed = versions === null && unknown.length > 0 && newcomers.areAssumed;
  const known = {
    histories,
    wereRead: new Set(isGuessed ? [] : unknown),
    unfoldable,
    longIds,
    isGuessed,
    isStoreBehind,
  };
  if (unknown.length === 0 || isGuessed) return known;
  const journals = await readJournals(unknown, long.longEvents);
  if (versions === null) newcomers.looked(unknown.length, journals.size);
  for (const [entityId, journal] of journals) {
    if (journal.length > long.longEvents) {
      longIds.add(entityId);
      continue;
    }
    const why = parked.has(entityId) ? ALREADY_PARKED : journalFault(journal, versions?.get(entityId));
    if (why !== null) {
      unfoldable.set(entityId, { ...why, journal });
      continue;
    }
    const restored = restoreAll(decoder, journal);
    if ('reason' in restored) unfoldable.set(entityId, { ...restored, journal });
    else {
      try {
        histories.set(entityId, historyOf(domain, restored.events));
      } catch (error) {
        unfoldable.set(entityId, { ...foldFault(domain, error, restored.events), journal });
      }
    }
  }
  return known;
}

const ALREADY_PARKED: Unfoldable = { reason: 'fold_failed', detail: 'It was parked before.' };
