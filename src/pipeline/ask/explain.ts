import type { ViewRow, ViewValue } from '../../core/domain.ts';
import type { Job } from '../../ports/jobs.ts';
import type { StoredDelivery } from '../../ports/ledger.ts';
import type { ParkedEntity } from '../../ports/parked-entities.ts';
import type { StoredRow } from '../../ports/store.ts';
import { isSameRow } from '../ingest/due.ts';
import type { Unfoldable } from '../ingest/unfoldable.ts';
import { awaitsRebuild, foldOf as foldOfProgram, modeOf } from '../rebuild/view-mode.ts';
import { type Absence, readAbsence } from './explain/absence.ts';
import { type MarkedAttempt, markAttempts, type Restart, redriveOf } from './explain/attempts.ts';
import { type Readiness, readinessOf } from './explain/readiness.ts';
import { sentencesOf } from './explain/sentences.ts';
import { type FoldedRow, foldKnown } from './fold-known.ts';
import { type KnownEvent, type KnownEvents, readKnown } from './known-events.ts';
import { type AskParts, nounOf } from './parts.ts';
import { type EventMarks, marksOf } from './timeline.ts';

/** Everything that is known of one entity, and what it means in plain sentences. */
export interface Explanation<Event> extends Absence {
  readonly entityId: string;
  /** Why it is or is not ready, and where its deliveries stand. */
  readonly sentences: readonly string[];
  /** The entity's version in the journal; 0 if it has no event. */
  readonly version: number;
  /** The row: the fold of the journal or, where that cannot be made here, the stored row. Null if there is neither. */
  readonly row: ViewRow | null;
  readonly isReady: boolean;
  readonly waiting: WaitingSince | null;
  readonly parked: ParkedEntity | null;
  /** Whether the stored row is not the fold of the journal that it claims to be. False for rows of another fold. */
  readonly rowDiffers: boolean;
  /** Whether rows and deliveries stay as they are until a rebuild. */
  readonly waitsForRebuild: boolean;
  readonly columns: readonly ExplainedColumn<Event>[];
  readonly events: readonly ExplainedEvent<Event>[];
  /** Whether `events` are all events of the entity. Else they are its last ones, and marked among themselves only. */
  readonly areAllEvents: boolean;
  readonly deliveries: readonly ExplainedDelivery[];
}

/** The event that an entity waits for. */
export interface WaitingSince {
  /** The domain's word for it. */
  readonly event: string;
  /** When the event happened after which the entity waits; null if that is not known. */
  readonly sinceMs: number | null;
  /** When the last event of the entity was journaled. */
  readonly lastArrivalMs: number;
}

export interface ExplainedColumn<Event> {
  readonly column: string;
  readonly value: ViewValue;
  /** The event that decided the value; null if no event has, or if the events were not folded. */
  readonly decidedBy: KnownEvent<Event> | null;
}

export interface ExplainedEvent<Event> extends KnownEvent<Event>, EventMarks {
  /** The columns whose values it changed, in canonical sequence; null if the events were not folded. */
  readonly changed: readonly string[] | null;
}

export interface ExplainedDelivery extends StoredDelivery {
  /** When its attempts began to be counted from 1 again, the last time first, each with the redrive that did so. */
  readonly restarts: readonly (Restart & { readonly redrive: Job | null })[];
  /** The latest attempts, the last one first. */
  readonly attemptLog: readonly MarkedAttempt[];
}

/** The most attempts of one delivery that are shown. */
export const ATTEMPTS_SHOWN = 100;
/** The most targets whose deliveries are shown, those that are no longer set included. */
const TARGETS_SHOWN = 100;
/** The latest jobs among which the redrives of a delivery are looked for. */
const JOBS_READ = 100;

/** Explains one entity. An unknown entity gets an explanation too. */
export async function explain<State, Event>(
  parts: AskParts<State, Event>,
  entityId: string,
): Promise<Explanation<Event>> {
  const { domain, store, clock, targets } = parts;
  // The row is read before the journal, so that a commit between the two does not make it look ahead of the journal.
  const stored = (await store.readView([entityId])).get(entityId) ?? null;
  const known = await readKnown(parts, entityId);
  const [parked, view, deliveries] = await Promise.all([
    store.readParked(entityId),
    store.viewState(),
    readDeliveries(parts, entityId),
  ]);
  const folded = foldOf(parts, known);
  const fold = folded === null || 'reason' in folded ? null : folded;
  const row = fold?.row ?? (known.lastVersion === 0 ? null : (stored?.row ?? null));
  const readiness = readinessOf(domain.view, {
    row,
    isReady: fold?.isReady ?? readyByRow(parts, row),
    deciders: known.areAll ? (fold?.deciders ?? []) : null,
    events: known.events,
  });
  const absence = await readAbsence(parts, { entityId, events: known.events, deliveries, ...readiness });
  const program = foldOfProgram(domain);
  const waitsForRebuild = awaitsRebuild(view, program);
  const rowDiffers =
    modeOf(view, program) === 'current' &&
    parked === null &&
    fold !== null &&
    stored !== null &&
    stored.version === known.lastVersion &&
    !isSameRow(fold.row, stored.row);
  const marks = marksOf(known.events);
  return {
    entityId,
    sentences: sentencesOf({
      noun: nounOf(domain),
      entityId,
      version: known.lastVersion,
      ...readiness,
      parked,
      unfoldable: folded !== null && 'reason' in folded ? folded : null,
      rowDiffers,
      waitsForRebuild,
      hasStrayRow: isStray(known, stored),
      maxEvents: known.areAll ? null : parts.maxEvents,
      ...absence,
      deliveries,
      targets,
      nowMs: clock.now(),
    }),
    version: known.lastVersion,
    row,
    isReady: readiness.isReady,
    waiting: waitingOf(known, readiness),
    parked,
    ...absence,
    rowDiffers,
    waitsForRebuild,
    columns: domain.view.columns.map(({ name }, index) => ({
      column: name,
      value: row?.[index] ?? null,
      decidedBy: fold?.deciders[index] ?? null,
    })),
    events: known.events.map((event) => ({
      ...event,
      ...(marks.get(event.version) ?? { place: 0, isLate: false, conflictsWith: [] }),
      changed: fold === null ? null : (fold.changes.get(event.version) ?? []),
    })),
    areAllEvents: known.areAll,
    deliveries,
  };
}

function foldOf<State, Event>(
  { domain }: AskParts<State, Event>,
  { events, lastVersion, areAll, fault }: KnownEvents<Event>,
): FoldedRow<Event> | Unfoldable | null {
  if (lastVersion === 0 || !areAll) return null;
  return fault ?? foldKnown(domain, events);
}

function readyByRow({ domain }: AskParts<unknown, unknown>, row: ViewRow | null): boolean {
  const { columns, readyColumn } = domain.view;
  return row?.[columns.findIndex(({ name }) => name === readyColumn)] === true;
}

/** Whether somebody has written a row of an entity that has no event. */
function isStray({ lastVersion }: KnownEvents<unknown>, stored: StoredRow | null): boolean {
  return lastVersion === 0 && stored !== null;
}

function waitingOf(
  { events }: KnownEvents<unknown>,
  { whyNot, since }: Readiness<unknown>,
): WaitingSince | null {
  const last = events.at(-1);
  if (last === undefined || whyNot === null || whyNot.waitsFor === null) return null;
  return {
    event: whyNot.waitsFor,
    sinceMs: since?.occurredAtMs ?? null,
    lastArrivalMs: last.observedAtMs,
  };
}

async function readDeliveries(
  { store }: AskParts<unknown, unknown>,
  entityId: string,
): Promise<ExplainedDelivery[]> {
  const filter = {
    target: null,
    entityId,
    status: null,
    lastStatus: null,
    errorPrefix: null,
    dueSinceFromMs: null,
    dueSinceBeforeMs: null,
  };
  const found = await store.listDeliveries({ filter, after: null, limit: TARGETS_SHOWN });
  const explained: ExplainedDelivery[] = [];
  let jobs: readonly Job[] | null = null;
  for (const delivery of found) {
    const attemptLog = await store.readAttempts(delivery, ATTEMPTS_SHOWN);
    const { attempts, restarts } = markAttempts(delivery, attemptLog);
    if (restarts.length > 0) jobs ??= await store.listJobs({ after: null, limit: JOBS_READ });
    const redriven = restarts.map((each) => ({ ...each, redrive: redriveOf(delivery, each, jobs ?? []) }));
    explained.push({ ...delivery, attemptLog: attempts, restarts: redriven });
  }
  return explained;
}
