import { TributaryError } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Job, JobClaim, JobSave, JsonObject } from '../../ports/jobs.ts';
import type { Logger } from '../../ports/logger.ts';
import type {
  QuarantinedRecord,
  QuarantineKey,
  QuarantineRefusal,
  StoredQuarantine,
} from '../../ports/quarantine.ts';
import type { Store } from '../../ports/store.ts';
import type { DecodedEvent } from '../decode/decoder.ts';
import { isCut, logRecordOf } from '../decode/quarantine.ts';
import { BatchPlan, type NewlyParked } from '../ingest/batch-plan.ts';
import { HistoryCache } from '../ingest/history-cache.ts';
import { LONG_LIMITS, LongHistories } from '../ingest/long-histories.ts';
import { Newcomers } from '../ingest/newcomers.ts';
import { ParkedRegistry } from '../ingest/parked.ts';
import type { PlanContext } from '../ingest/plan-context.ts';
import { foldOf, rowsUnder } from '../rebuild/view-mode.ts';
import type { JobHandler } from './job-worker.ts';
import { isSelectedBy, selectionOf } from './quarantine-selection.ts';

export interface QuarantineRedriveOptions<State, Event>
  extends Pick<PlanContext<State, Event>, 'domain' | 'decoder' | 'due'> {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How far a redrive of quarantined records is. */
export interface QuarantineRedriveProgress {
  /** The records that the job has met. */
  readonly matched: number;
  /** Those of them that the decoder of today takes. */
  readonly passed: number;
  /** Those of them whose events the job has journaled; none in a dry run. */
  readonly redriven: number;
  /** Those of them whose events were in the journal already; none in a dry run. */
  readonly duplicates: number;
  /** The records that the decoder of today refuses too, by reason. */
  readonly refusedAgain: Readonly<Record<string, number>>;
}

/** Where the job goes on: in which filter of its selection, and behind which record. */
interface Place {
  readonly filter: number;
  readonly after: QuarantineKey | null;
}

/** The most records of one step, which is one transaction. */
const STEP_ROWS = 500;
/** A step takes no further records once it has this number of bytes. */
const STEP_BYTES = 8 * 1024 * 1024;
/** Records are read in pages of this size, because each of them may have a mebibyte. */
const PAGE_ROWS = 50;
const BUSY_BACKOFF: Backoff = { baseMs: 10, capMs: 500 };
/** The most tries of one step, while others lock or change the same rows. */
const MAX_ATTEMPTS = 20;
/** The most times that entities with long journals are prepared, while other instances change them. */
const MAX_PREPARATIONS = 20;
/** The most parked entities of one step that get a log line. "order-sync parked" lists all. */
const PARKED_LOGGED_MAX = 5;

/**
 * Runs the decoder of today over the stored bytes of quarantined records. What passes is journaled by the commit of ingest,
 * under its original topic, partition and offset, in a transaction that also settles the records and saves the job. So a
 * record is journaled once, whatever happens to the process. What is refused keeps its entry, with the reason of today.
 *
 * The transaction locks the entities and reads their journals, so it needs nothing that instances of ingest have in
 * memory. Their histories of these entities are outdated afterwards; the comparison of versions in their next commit
 * finds that out. A program that awaits a rebuild shuts out programs with an older fold before its first commit, as ingest
 * does: an older one would find no change in the row, and the events of this commit would never be delivered.
 */
export function quarantineRedriveHandler<State, Event>(
  options: QuarantineRedriveOptions<State, Event>,
): JobHandler {
  const work = new QuarantineRedrive(options);
  return {
    kind: 'quarantine_redrive',
    step: (job, claim, signal) => work.step(job, claim, signal),
  };
}

/** What a try of a step came to. */
type Tried = { readonly kind: 'saved'; readonly job: Job } | { readonly kind: 'lost' | 'again' };

class QuarantineRedrive<State, Event> {
  readonly #options: QuarantineRedriveOptions<State, Event>;
  readonly #parked = new ParkedRegistry();
  readonly #long: LongHistories<State, Event>;

  constructor(options: QuarantineRedriveOptions<State, Event>) {
    const { domain, decoder, store, logger } = options;
    this.#options = options;
    this.#long = new LongHistories({
      domain,
      decoder,
      journals: store.longJournals,
      logger,
      limits: LONG_LIMITS,
    });
  }

  async step(job: Job, claim: JobClaim, signal: AbortSignal): Promise<Job | null> {
    const { store, clock } = this.#options;
    await this.#parked.load(store);
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const tried = await this.#try(job, claim, signal);
        if (tried.kind === 'saved') return tried.job;
        if (tried.kind === 'lost') return null;
        // Somebody settled a record or released an entity meanwhile, so both are read again.
        if (attempt === MAX_ATTEMPTS) throw keepsChanging(job.jobId);
        await this.#parked.load(store);
      } catch (error) {
        const isBusy = error instanceof TributaryError && error.code === 'store_busy';
        if (!isBusy || attempt >= MAX_ATTEMPTS) throw error;
        await clock.sleep(fullJitterMs(BUSY_BACKOFF, attempt, clock.random()), signal);
      }
    }
    return null;
  }

  async #try(job: Job, claim: JobClaim, signal: AbortSignal): Promise<Tried> {
    const { store, clock } = this.#options;
    const { records, place } = await this.#nextRecords(job);
    const events: DecodedEvent<Event>[] = [];
    const passed: StoredQuarantine[] = [];
    const refused: (StoredQuarantine & { readonly today: QuarantineRefusal })[] = [];
    for (const record of records) {
      const verdict = await this.#decode(record);
      if ('event' in verdict) {
        events.push(verdict.event);
        passed.push(record);
      } else refused.push({ ...record, today: verdict.refusal });
    }
    const saveWith = (redriven: number): JobSave => ({
      ...claim,
      jobId: job.jobId,
      state: place === null ? 'done' : 'running',
      place: placeJson(place),
      progress: { ...added(job, records.length, passed.length, redriven, refused) },
    });
    if (job.isDryRun || records.length === 0) {
      const saved = await store.saveJob(saveWith(0));
      return saved === null ? { kind: 'lost' } : { kind: 'saved', job: saved };
    }

    const view = await rowsUnder(store, foldOf(this.#options.domain));
    for (let preparations = 0; ; preparations++) {
      const plan = this.#plan(events, view);
      try {
        const outcome = await store.commit({
          moves: [],
          quarantined: [],
          entityIds: plan.entityIds,
          mode: 'locking',
          viewEpoch: view.epoch,
          plan: (versions, readJournals) => plan.plan(versions, readJournals),
          redrive: () => ({
            passed,
            settlement: settlementOf(job, clock.now()),
            refused: refused.filter(hasNewReason).map(({ today }) => today),
            job: saveWith(plan.tally.journaled),
          }),
        });
        if (outcome.kind === 'stale') return { kind: 'again' };
        if (outcome.kind === 'fenced') {
          return { kind: (await this.#renewed(job, claim)) ? 'again' : 'lost' };
        }
        plan.remember();
        this.#report(plan.newlyParked);
        const { state, progress, place: saved } = saveWith(plan.tally.journaled);
        return { kind: 'saved', job: { ...job, state, progress, place: saved } };
      } catch (error) {
        if (plan.unprepared.length === 0 || preparations === MAX_PREPARATIONS) throw error;
        await this.#long.prepare(plan.unprepared, signal);
        // That may take long, and somebody may have cancelled the job meanwhile.
        if (!(await this.#renewed(job, claim))) return { kind: 'lost' };
      }
    }
  }

  /** Renews the claim, and tells by that whether the job was fenced or the view. */
  #renewed({ jobId }: Job, claim: JobClaim): Promise<boolean> {
    return this.#options.store.renewJob({ ...claim, jobId });
  }

  #plan(
    events: readonly DecodedEvent<Event>[],
    view: { readonly writesRows: boolean },
  ): BatchPlan<State, Event> {
    const { domain, decoder, due, store, clock } = this.#options;
    this.#long.believe(store.generation);
    // Histories are read from the journal of the locked entities, so none are kept.
    const cache = new HistoryCache<State, Event>(0);
    const context = { domain, decoder, due, cache, parked: this.#parked, view };
    return new BatchPlan(context, new Newcomers(), this.#long, events, clock.now());
  }

  #report(parked: readonly NewlyParked[]): void {
    for (const { entityId, reason, detail } of parked.slice(0, PARKED_LOGGED_MAX))
      this.#options.logger('error', `${quoted(entityId, 255)} is parked: ${detail}`, { reason });
  }

  /**
   * Reads the records of the next step. `place` is null if there are no others behind them. Leaves out records that an
   * earlier filter of the selection selects: the job has met them already, or they came after it had read that filter.
   */
  async #nextRecords(job: Job): Promise<{ records: StoredQuarantine[]; place: Place | null }> {
    const selection = selectionOf(job.parameters);
    if (selection === null) throw selectionUnreadable(job.jobId);
    const records: StoredQuarantine[] = [];
    let rows = 0;
    let bytes = 0;
    let { filter, after } = placeOf(job.place);
    for (; filter < selection.length; filter++, after = null) {
      const earlier = selection.slice(0, filter);
      for (;;) {
        if (rows >= STEP_ROWS || bytes >= STEP_BYTES) return { records, place: { filter, after } };
        const limit = Math.min(PAGE_ROWS, STEP_ROWS - rows);
        const page = await this.#options.store.readQuarantine({ ...selection[filter], after, limit });
        rows += page.length;
        for (const record of page) {
          bytes += (record.value?.length ?? 0) + record.headers.length;
          if (!earlier.some((one) => isSelectedBy(one, record))) records.push(record);
        }
        after = page.length === 0 ? after : keyOf(page.at(-1) as StoredQuarantine);
        if (page.length < limit) break;
      }
    }
    return { records, place: null };
  }

  async #decode(
    record: StoredQuarantine,
  ): Promise<{ readonly event: DecodedEvent<Event> } | { readonly refusal: QuarantineRefusal }> {
    const { decoder, clock } = this.#options;
    const verdict = await judgeAgain(decoder, record, clock.now());
    if (verdict.kind === 'event') return { event: verdict.event };
    const { reason, detail } = verdict;
    return { refusal: { ...keyOf(record), reason, detail } };
  }
}

/** The verdict of the decoder of today on a quarantined record. */
export type VerdictOfToday<Event> =
  | { readonly kind: 'event'; readonly event: DecodedEvent<Event> }
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string };

/**
 * Decodes a quarantined record again. A record of which the store has only the beginning never passes. Rejects as
 * `Decoder.prepare`.
 */
export async function judgeAgain<Event>(
  decoder: QuarantineRedriveOptions<unknown, Event>['decoder'],
  record: QuarantinedRecord,
  nowMs: number,
): Promise<VerdictOfToday<Event>> {
  if (isCut(record)) return { kind: 'refused', reason: 'record_too_large', detail: CUT };
  const whole = logRecordOf(record);
  if (whole === null) return { kind: 'refused', reason: 'header_invalid', detail: HEADERS_ALTERED };
  const { topic, partition } = record;
  await decoder.prepare([whole], topic);
  const decoded = decoder.decode(whole, { topic, partition }, nowMs);
  if (decoded.kind === 'event') return decoded;
  const { reason, detail } = decoded.record;
  return { kind: 'refused', reason, detail };
}

const CUT =
  'The record was too large, and the store has only the first bytes of it: it has to come from the log again.';
const HEADERS_ALTERED = 'The stored headers cannot be read: somebody has altered them.';

/**
 * A record that was kept whole and is too large by the limit of today keeps its reason: with this one it would count as
 * cut off.
 */
function hasNewReason({ reason, detail, today }: StoredQuarantine & { readonly today: QuarantineRefusal }) {
  return today.reason !== 'record_too_large' && (today.reason !== reason || today.detail !== detail);
}

function added(
  { progress, isDryRun }: Job,
  matched: number,
  passed: number,
  redriven: number,
  refused: readonly { readonly today: QuarantineRefusal }[],
): QuarantineRedriveProgress {
  const before = progress as Partial<QuarantineRedriveProgress>;
  const refusedAgain: Record<string, number> = { ...before.refusedAgain };
  for (const { today } of refused) refusedAgain[today.reason] = (refusedAgain[today.reason] ?? 0) + 1;
  return {
    matched: (before.matched ?? 0) + matched,
    passed: (before.passed ?? 0) + passed,
    redriven: (before.redriven ?? 0) + redriven,
    duplicates: (before.duplicates ?? 0) + (isDryRun ? 0 : passed - redriven),
    refusedAgain,
  };
}

function settlementOf({ jobId, requestedBy, reason }: Job, nowMs: number) {
  return {
    settledAs: 'redriven',
    decidedBy: requestedBy,
    reason: reason === '' ? `job ${jobId}` : `${reason} (job ${jobId})`,
    decidedAtMs: nowMs,
  } as const;
}

function keyOf({ topic, partition, offset, valueHash }: QuarantineKey): QuarantineKey {
  return { topic, partition, offset, valueHash };
}

/** Offsets are written as texts, because JSON has no bigints. */
function placeJson(place: Place | null): JsonObject | null {
  if (place === null) return null;
  const { filter, after } = place;
  return { filter, after: after === null ? null : { ...after, offset: after.offset.toString() } };
}

function placeOf(json: JsonObject | null): Place {
  if (json === null) return { filter: 0, after: null };
  const { filter, after } = json as { filter: number; after: QuarantineKey | null };
  return { filter, after: after === null ? null : { ...after, offset: BigInt(String(after.offset)) } };
}

function keepsChanging(jobId: string): TributaryError {
  return new TributaryError(
    'store_busy',
    `The records of the job ${jobId} were changed ${MAX_ATTEMPTS} times while it worked on them.`,
  );
}

function selectionUnreadable(jobId: string): TributaryError {
  return new TributaryError(
    'store_refused',
    `The filters of the job ${jobId} cannot be read, so that nothing was redriven by it: cancel it by "order-sync jobs cancel", and make the job again.`,
  );
}
