import { historyOf, versionOf } from '../../core/fold.ts';
import type { JournaledEvent, ReadJournals } from '../../ports/journal.ts';
import type { LongHistories } from './long-histories.ts';
import type { Newcomers } from './newcomers.ts';
import type { PlanContext } from './plan-context.ts';
import type { PlannedEntity } from './planned-entity.ts';
import { foldFault, journalFault, restoreAll, type Unfoldable } from './unfoldable.ts';

/** What the lookup of a batch's histories says of the batch as a whole. */
export interface HistoriesRead {
  /** Whether entities were taken for new without being looked up. */
  readonly isGuessed: boolean;
  /** Whether the journal of a locked entity is shorter than the cache knew it, so that the store went back in time. */
  readonly isStoreBehind: boolean;
}

export interface BatchEntities<State, Event> {
  readonly entities: readonly PlannedEntity<State, Event>[];
  readonly long: LongHistories<State, Event>;
  readonly newcomers: Newcomers;
}

/**
 * Gives each entity its history: from the cache, or folded from its journal. `versions` are those of locked entities;
 * null means that the cache has to be trusted.
 */
export async function readHistories<State, Event>(
  context: PlanContext<State, Event>,
  { entities, long, newcomers }: BatchEntities<State, Event>,
  versions: ReadonlyMap<string, number> | null,
  readJournals: ReadJournals,
): Promise<HistoriesRead> {
  const { cache, parked } = context;
  const areSomeParked = parked.size > 0;
  const unknown: PlannedEntity<State, Event>[] = [];
  let isStoreBehind = false;
  // The cache is read before anything is awaited, because other lanes change it meanwhile.
  for (const entity of entities) {
    const { entityId } = entity;
    entity.reset();
    const version = versions === null ? null : (versions.get(entityId) ?? 0);
    const cached = cache.get(entityId);
    entity.cacheTurn = cache.turn;
    if (version !== null && cached !== undefined && versionOf(cached) > version) isStoreBehind = true;
    if (version === 0) continue;
    if (
      cached !== undefined &&
      !(areSomeParked && parked.has(entityId)) &&
      (version === null || versionOf(cached) === version)
    ) {
      entity.before = cached;
      entity.isLong = long.isLong(cached);
    } else if (version !== null && version > long.longEvents) {
      entity.isLong = true;
    } else unknown.push(entity);
  }
  const isGuessed = versions === null && unknown.length > 0 && newcomers.areAssumed;
  if (unknown.length > 0 && !isGuessed) {
    const journals = await readJournals(
      unknown.map(({ entityId }) => entityId),
      long.longEvents,
    );
    if (versions === null) newcomers.looked(unknown.length, journals.size);
    for (const entity of unknown) {
      entity.wasRead = true;
      const journal = journals.get(entity.entityId);
      if (journal === undefined) continue;
      if (journal.length > long.longEvents) entity.isLong = true;
      else takeJournal(context, entity, journal, versions?.get(entity.entityId));
    }
  }
  return { isGuessed, isStoreBehind };
}

/** Folds the entity's journal, or says why it cannot be folded. */
function takeJournal<State, Event>(
  { decoder, domain, parked }: PlanContext<State, Event>,
  entity: PlannedEntity<State, Event>,
  journal: readonly JournaledEvent[],
  version: number | undefined,
): void {
  const why = parked.has(entity.entityId) ? ALREADY_PARKED : journalFault(journal, version);
  if (why !== null) {
    entity.unfoldable = { ...why, journal };
    return;
  }
  const restored = restoreAll(decoder, journal);
  if ('reason' in restored) {
    entity.unfoldable = { ...restored, journal };
    return;
  }
  try {
    entity.before = historyOf(domain, restored.events);
  } catch (error) {
    entity.unfoldable = { ...foldFault(domain, error, restored.events), journal };
  }
}

const ALREADY_PARKED: Unfoldable = { reason: 'fold_failed', detail: 'It was parked before.' };
