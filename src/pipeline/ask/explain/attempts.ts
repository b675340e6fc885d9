import type { DeliveryVerdict } from '../../../ports/delivery-target.ts';
import type { Job } from '../../../ports/jobs.ts';
import type { DeliveryFilter, StoredAttempt, StoredDelivery } from '../../../ports/ledger.ts';

/** An attempt, and whether it counts towards the most attempts of its delivery. */
export interface MarkedAttempt extends StoredAttempt {
  /** False if the next attempt got the same number: the target seemed to be the cause, and not this state. */
  readonly isCounted: boolean;
}

/** The delivery was made due again, so that its attempts are counted from 1 again. */
export interface Restart {
  /** The number of attempts of the list that came after it. */
  readonly laterAttempts: number;
  /** The time of the attempt before it, and of the one after it; null if there is none yet. */
  readonly afterMs: number;
  readonly beforeMs: number | null;
}

export interface MarkedAttempts {
  /** The last one first. */
  readonly attempts: readonly MarkedAttempt[];
  /** The last one first. */
  readonly restarts: readonly Restart[];
}

/** Works out from their numbers which attempts count, and where the count began again. Takes the last one first. */
export function markAttempts(
  delivery: StoredDelivery,
  latestFirst: readonly StoredAttempt[],
): MarkedAttempts {
  const restarts: Restart[] = [];
  const attempts = latestFirst.map((attempt, index): MarkedAttempt => {
    const later = latestFirst[index - 1];
    const follows = later === undefined ? nextOf(delivery, attempt) : numberAfter(attempt, later);
    if (follows === 'restart')
      restarts.push({
        laterAttempts: index,
        afterMs: attempt.attemptedAtMs,
        beforeMs: later?.attemptedAtMs ?? null,
      });
    return { ...attempt, isCounted: follows !== 'same' };
  });
  return { attempts, restarts };
}

/** Whether the number of the later attempt is higher, or the same, or shows that the count began again. */
type Follows = 'higher' | 'same' | 'restart';

function numberAfter(attempt: StoredAttempt, later: StoredAttempt): Follows {
  if (later.version !== attempt.version || later.attempt > attempt.attempt) return 'higher';
  // The first attempt always counts, and so does one that the target accepted.
  const isSame = later.attempt === attempt.attempt && attempt.attempt > 1;
  return isSame && attempt.verdict !== 'delivered' ? 'same' : 'restart';
}

/** The same for the last attempt: the delivery has the number of attempts that count. */
function nextOf(
  { dueVersion, status, attempts }: StoredDelivery,
  { version, attempt }: StoredAttempt,
): Follows {
  if (status !== 'pending' || version !== dueVersion || attempts >= attempt) return 'higher';
  return attempt > 1 && attempts === attempt - 1 ? 'same' : 'restart';
}

/** The redrive that made the delivery due again, if one of these jobs did; else null. */
export function redriveOf(
  { target, entityId }: StoredDelivery,
  { afterMs, beforeMs }: Restart,
  newestFirst: readonly Job[],
): Job | null {
  const isOfDelivery = ({ parameters }: Job) => {
    const { filter } = (parameters ?? {}) as { readonly filter?: Partial<DeliveryFilter> };
    return (filter?.target ?? target) === target && (filter?.entityId ?? entityId) === entityId;
  };
  const found = newestFirst.find(
    (job) =>
      job.kind === 'redrive' &&
      !job.isDryRun &&
      job.updatedAtMs >= afterMs &&
      job.createdAtMs <= (beforeMs ?? Number.POSITIVE_INFINITY) &&
      isOfDelivery(job),
  );
  return found ?? null;
}

/** Attempts in a row that ended in the same way, as people read them. */
export interface AttemptRun {
  /** The last one of them. */
  readonly last: MarkedAttempt;
  readonly first: MarkedAttempt;
  readonly times: number;
  readonly notCounted: number;
}

/** Puts attempts together that follow each other with the same answer. `apart` has the places of restarts. */
export function runsOf({ attempts, restarts }: MarkedAttempts): AttemptRun[] {
  const apart = new Set(restarts.map(({ laterAttempts }) => laterAttempts));
  const runs: AttemptRun[] = [];
  attempts.forEach((attempt, index) => {
    const run = runs.at(-1);
    const notCounted = attempt.isCounted ? 0 : 1;
    if (run !== undefined && !apart.has(index) && isAlike(run.first, attempt)) {
      const { last, times } = run;
      runs[runs.length - 1] = {
        last,
        first: attempt,
        times: times + 1,
        notCounted: run.notCounted + notCounted,
      };
    } else runs.push({ last: attempt, first: attempt, times: 1, notCounted });
  });
  return runs;
}

function isAlike(one: StoredAttempt, other: StoredAttempt): boolean {
  return (
    one.version === other.version &&
    one.verdict === other.verdict &&
    one.status === other.status &&
    one.error === other.error &&
    one.answer === other.answer
  );
}

/** The verdict in a word for people. */
export function outcomeWord(verdict: DeliveryVerdict): string {
  return OUTCOMES[verdict];
}

const OUTCOMES: Readonly<Record<DeliveryVerdict, string>> = {
  delivered: 'delivered',
  retry: 'failed',
  throttle: 'told to wait',
  park: 'refused',
  disable: 'told to stop',
  unsent: 'not sent',
  unknown: 'unknown',
  disowned: 'not sent',
};
