import type { AuditLog } from '../../ports/audit.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Job, Jobs, JsonObject } from '../../ports/jobs.ts';
import type { TargetHoldings } from '../../ports/target-holdings.ts';
import {
  type ReconciledDifference,
  type ReconcileOptions,
  type ReconcileReport,
  reconcile,
} from '../reconcile/reconcile.ts';
import { type VerifiedDifference, verifyEntities } from '../verify/repair.ts';
import { sampleRun } from '../verify/sample.ts';
import {
  addCounts,
  NOTHING_VERIFIED,
  pageOf,
  type VerificationCounts,
  type VerificationOptions,
  type VerificationScope,
} from '../verify/verification.ts';
import { addReport, type EntityRange, NOTHING_COMPARED, type TargetCounts } from '../verify/verify-target.ts';
import type { JobHandler } from './job-worker.ts';

/** What a verify job has to do. */
export interface VerifyParameters extends VerificationScope {
  /** The target whose states are compared too; null for none. */
  readonly target: string | null;
}

/** How far a verify job is, for people. */
export interface VerifyProgress extends VerificationCounts {
  readonly target: ({ readonly name: string } & TargetCounts) | null;
  /** The first differences. */
  readonly shown: readonly JsonObject[];
}

/** Where a verify job goes on. */
interface VerifyPlace {
  readonly part: 'store' | 'target';
  /** The last entity that was compared; null at the start of a part. */
  readonly after: string | null;
}

export interface VerifyHandlerOptions<State, Event> extends Omit<VerificationOptions<State, Event>, 'store'> {
  readonly store: VerificationOptions<State, Event>['store'] &
    ReconcileOptions['store'] &
    Pick<Jobs, 'saveJob'> &
    Pick<AuditLog, 'addAudit'>;
  readonly clock: Clock;
  /** Opens what a target holds. The caller of `holdingsOf` closes it. Throws if the target does not tell. */
  readonly holdingsOf: (target: string) => TargetHoldings;
  readonly untilCaughtUp: (signal: AbortSignal) => Promise<boolean>;
  /** The most deliveries that become due again in a second. */
  readonly redrivePerSecond: number;
  /** A step waits for deliveries that it made due for this time. Default: 2 s. */
  readonly patienceMs?: number;
  readonly differenceJson: (difference: VerifiedDifference) => object;
  readonly targetDifferenceJson: (target: string, difference: ReconciledDifference) => object;
}

/** The most differences that a job shows one by one. All are counted. */
const SHOWN_MAX = 100;
/** The entities of one comparison with a target, which is one or two questions to it. */
const TARGET_ROWS = 500;
/** Deliveries that became due are due whether or not the step sees them arrive. */
const PATIENCE_MS = 2_000;
const NO_PROGRESS: VerifyProgress = { ...NOTHING_VERIFIED, target: null, shown: [] };

/**
 * Compares view, ledger and, if wanted, a target with the journal, as `order-sync verify` does. A step is one page. It is
 * saved after it was compared and repaired, so after a crash a page is compared once more, and counted once. A sample is
 * taken in runs, and the steps of one job may take the same entity twice. What a job repaired is in the audit log.
 */
export function verifyHandler<State, Event>(options: VerifyHandlerOptions<State, Event>): JobHandler {
  const { store, clock } = options;
  return {
    kind: 'verify',
    async step(job, claim, signal) {
      const parameters = parametersOf(job);
      const progress = { ...NO_PROGRESS, ...(job.progress as Partial<VerifyProgress>) };
      const place = (job.place as VerifyPlace | null) ?? { part: 'store', after: null };
      const beganMs = clock.monotonicMs();
      const next =
        place.part === 'store'
          ? await storeStep(options, parameters, progress, place.after, signal)
          : await targetStep(options, parameters, progress, place.after, signal);
      if (next.place === null && parameters.repairs) await addToAudit(options, job, next.progress);
      const saved = await store.saveJob({
        ...claim,
        jobId: job.jobId,
        state: next.place === null ? 'done' : 'running',
        progress: { ...next.progress },
        place: next.place === null ? null : { ...next.place },
      });
      const { perSecond } = parameters;
      if (perSecond !== null && saved?.state === 'running') {
        const read = next.progress.read - progress.read;
        const restMs = (read / perSecond) * 1_000 - (clock.monotonicMs() - beganMs);
        if (restMs > 0) await clock.sleep(restMs, signal);
      }
      return saved;
    },
  };
}

interface Step {
  readonly progress: VerifyProgress;
  /** Where the next step begins; null if there is nothing more to do. */
  readonly place: VerifyPlace | null;
}

async function storeStep<State, Event>(
  options: VerifyHandlerOptions<State, Event>,
  parameters: VerifyParameters,
  progress: VerifyProgress,
  after: string | null,
  signal: AbortSignal,
): Promise<Step> {
  const { store, clock } = options;
  const { sample, repairs, target } = parameters;
  const limit = pageOf(parameters);
  const page =
    sample === null
      ? { after, ids: await store.listEntities({ after, limit }) }
      : await sampleRun(store, () => clock.random());
  const ids = sample === null ? page.ids : page.ids.slice(0, Math.max(0, sample - progress.read));
  const verified = await verifyEntities(options, ids, repairs);
  const compared: VerifyProgress = {
    ...progress,
    ...addCounts(progress, verified),
    shown: withMore(progress.shown, verified.differences.map(options.differenceJson)),
  };
  if (sample === null) {
    if (ids.length === limit)
      return { progress: compared, place: { part: 'store', after: ids.at(-1) ?? null } };
    return { progress: compared, place: target === null ? null : { part: 'target', after: null } };
  }
  const isOver = ids.length === 0 || compared.read >= sample;
  const place: VerifyPlace | null = isOver ? null : { part: 'store', after: null };
  if (target === null || ids.length === 0) return { progress: compared, place };
  const range = { after: page.after, through: ids.at(-1) ?? null };
  return { progress: (await withTarget(options, target, repairs, compared, range, signal)).progress, place };
}

/** Compares the next entities with what the target holds. */
async function targetStep<State, Event>(
  options: VerifyHandlerOptions<State, Event>,
  { target, repairs }: VerifyParameters,
  progress: VerifyProgress,
  after: string | null,
  signal: AbortSignal,
): Promise<Step> {
  if (target === null) return { progress, place: null };
  const owed = await options.store.listOwed({ target, after, limit: TARGET_ROWS });
  const through = owed.length < TARGET_ROWS ? null : (owed.at(-1)?.entityId ?? null);
  const compared = await withTarget(options, target, repairs, progress, { after, through }, signal);
  const isOver = compared.isComplete && through === null;
  const next = compared.isComplete ? through : compared.reached;
  return { progress: compared.progress, place: isOver ? null : { part: 'target', after: next } };
}

async function withTarget<State, Event>(
  options: VerifyHandlerOptions<State, Event>,
  target: string,
  heals: boolean,
  progress: VerifyProgress,
  range: EntityRange,
  signal: AbortSignal,
): Promise<Pick<ReconcileReport, 'isComplete' | 'reached'> & { readonly progress: VerifyProgress }> {
  const { store, clock, holdingsOf, untilCaughtUp, redrivePerSecond } = options;
  const { patienceMs = PATIENCE_MS } = options;
  const holdings = holdingsOf(target);
  try {
    const report = await reconcile(
      {
        ...range,
        target,
        holdings,
        store,
        clock,
        heals,
        limit: TARGET_ROWS,
        untilCaughtUp,
        perSecond: redrivePerSecond,
        patienceMs,
      },
      signal,
    );
    const { name: _, ...before } = progress.target ?? { name: target, ...NOTHING_COMPARED };
    const differences = report.differences.map((difference) =>
      options.targetDifferenceJson(target, difference),
    );
    const counts = { name: target, ...addReport(before, report) };
    return {
      isComplete: report.isComplete,
      reached: report.reached,
      progress: { ...progress, target: counts, shown: withMore(progress.shown, differences) },
    };
  } finally {
    await holdings.close();
  }
}

async function addToAudit<State, Event>(
  { store, clock }: Pick<VerifyHandlerOptions<State, Event>, 'store' | 'clock'>,
  { jobId, requestedBy, reason }: Job,
  { shown: _, ...counts }: VerifyProgress,
): Promise<void> {
  await store.addAudit({
    action: 'rows_repaired',
    subject: jobId,
    details: { ...counts },
    decidedBy: requestedBy,
    reason,
    decidedAtMs: clock.now(),
  });
}

function withMore(shown: readonly JsonObject[], more: readonly object[]): readonly JsonObject[] {
  return [...shown, ...more.slice(0, SHOWN_MAX - shown.length).map((difference) => ({ ...difference }))];
}

/** Reads what the job has to do. Whatever somebody has altered there counts as not given. */
function parametersOf({ parameters }: Pick<Job, 'parameters'>): VerifyParameters {
  const { sample, perSecond, repairs, target } = parameters ?? {};
  return {
    sample: typeof sample === 'number' ? sample : null,
    perSecond: typeof perSecond === 'number' && perSecond > 0 ? perSecond : null,
    repairs: repairs === true,
    target: typeof target === 'string' ? target : null,
  };
}
