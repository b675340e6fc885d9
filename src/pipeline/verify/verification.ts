import type { Clock } from '../../ports/clock.ts';
import type { Store } from '../../ports/store.ts';
import type { DifferenceKind } from './compare.ts';
import { type Verified, type VerifiedDifference, type VerifyParts, verifyEntities } from './repair.ts';
import { sampleRun } from './sample.ts';

/** What to verify. */
export interface VerificationScope {
  /** The number of entities to choose at random; null for all. */
  readonly sample: number | null;
  /** The most entities that are read in a second; null for no limit. */
  readonly perSecond: number | null;
  readonly repairs: boolean;
}

export interface VerificationOptions<State, Event> extends VerifyParts<State, Event> {
  readonly store: VerifyParts<State, Event>['store'] & Pick<Store, 'listEntities'>;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs' | 'sleep' | 'random'>;
}

/** The counts of a verification so far. JSON can hold them. */
export interface VerificationCounts {
  /** The entities that were compared. */
  readonly read: number;
  readonly parked: number;
  readonly unsettled: number;
  /** By kind, the differences that were found. */
  readonly found: Readonly<Partial<Record<DifferenceKind, number>>>;
  readonly differences: number;
  readonly repaired: number;
  /** The entries of the ledger that were written. */
  readonly mended: number;
}

export const NOTHING_VERIFIED: VerificationCounts = {
  read: 0,
  parked: 0,
  unsettled: 0,
  found: {},
  differences: 0,
  repaired: 0,
  mended: 0,
};

/** The entities that are read at once. Each page is compared, and repaired, before the next one is read. */
export const PAGE = 250;
/** A sample gives up after this many runs in a row that found no entity that it does not have. */
const FRUITLESS_RUNS_MAX = 20;
/** The longest sleep between pages, so that a stop is heeded soon. */
const SLEEP_MAX_MS = 1_000;

/** Entities that stand side by side behind the id `after`, which is null at the start. */
export interface EntityPage {
  readonly after: string | null;
  readonly ids: readonly string[];
}

/**
 * Verifies all entities, or a sample, at a limited rate. Calls `onPage` after each page, with its differences and the counts
 * so far. Resolves with the counts; early if the signal aborts.
 */
export async function verify<State, Event>(
  options: VerificationOptions<State, Event>,
  scope: VerificationScope,
  onPage: (
    counts: VerificationCounts,
    differences: readonly VerifiedDifference[],
    page: EntityPage,
  ) => Promise<void> | void,
  signal: AbortSignal,
): Promise<VerificationCounts> {
  const { clock } = options;
  const beganMs = clock.monotonicMs();
  const limit = pageOf(scope);
  let counts = NOTHING_VERIFIED;
  const pages = scope.sample === null ? allPages(options, limit) : samplePages(options, scope.sample);
  for await (const page of pages) {
    if (signal.aborted) return counts;
    const verified = await verifyEntities(options, page.ids, scope.repairs);
    counts = addCounts(counts, verified);
    await onPage(counts, verified.differences, page);
    await restUntil(clock, beganMs, counts.read, scope.perSecond, signal);
  }
  return counts;
}

/** At a low rate the pages are smaller, so that the rests between them are short. */
export function pageOf({ perSecond }: VerificationScope): number {
  return perSecond === null ? PAGE : Math.max(1, Math.min(PAGE, Math.floor(perSecond)));
}

async function restUntil(
  clock: Pick<Clock, 'monotonicMs' | 'sleep'>,
  beganMs: number,
  read: number,
  perSecond: number | null,
  signal: AbortSignal,
): Promise<void> {
  if (perSecond === null) return;
  while (!signal.aborted) {
    const restMs = (read / perSecond) * 1_000 - (clock.monotonicMs() - beganMs);
    if (restMs <= 0) return;
    await clock.sleep(Math.min(restMs, SLEEP_MAX_MS), signal);
  }
}

async function* allPages<State, Event>(
  { store }: VerificationOptions<State, Event>,
  limit: number,
): AsyncGenerator<EntityPage> {
  for (let after: string | null = null; ; ) {
    const ids: string[] = await store.listEntities({ after, limit });
    if (ids.length > 0) yield { after, ids };
    if (ids.length < limit) return;
    after = ids.at(-1) ?? null;
  }
}

/** Gives `sample` different entities, or as many as there are. Knows the ids that it has given, 255 bytes each at most. */
async function* samplePages<State, Event>(
  { store, clock }: VerificationOptions<State, Event>,
  sample: number,
): AsyncGenerator<EntityPage> {
  const given = new Set<string>();
  for (let fruitless = 0; given.size < sample && fruitless < FRUITLESS_RUNS_MAX; ) {
    const { after, ids } = await sampleRun(store, () => clock.random());
    const fresh = ids.filter((entityId) => !given.has(entityId)).slice(0, sample - given.size);
    fruitless = fresh.length === 0 ? fruitless + 1 : 0;
    for (const entityId of fresh) given.add(entityId);
    if (fresh.length > 0) yield { after, ids: fresh };
  }
}

export function addCounts(counts: VerificationCounts, verified: Verified): VerificationCounts {
  const found: Partial<Record<DifferenceKind, number>> = { ...counts.found };
  for (const { kind } of verified.differences) found[kind] = (found[kind] ?? 0) + 1;
  return {
    read: counts.read + verified.entities,
    parked: counts.parked + verified.parked,
    unsettled: counts.unsettled + verified.unsettled,
    found,
    differences: counts.differences + verified.differences.length,
    repaired: counts.repaired + verified.differences.filter(({ isRepaired }) => isRepaired).length,
    mended: counts.mended + verified.mended,
  };
}
