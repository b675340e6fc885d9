import type { Status } from './types.ts';

/** What a status said about the log, at a time of this machine. */
export interface StatusSample {
  readonly atMs: number;
  readonly partitions: ReadonlyMap<string, PartitionSample>;
}

export interface PartitionSample {
  readonly topic: string;
  /** The end of the log; null if it is not known. */
  readonly end: number | null;
  /** The next offset to be journaled. */
  readonly next: number | null;
  readonly lagMessages: number | null;
  readonly lagSeconds: number | null;
}

/** The samples of ten minutes at one a second. */
const SAMPLES_MAX = 600;
const RATE_MS = 10_000;

/** The history with the sample of this status behind it, and without samples that are too old. */
export function withStatus(history: readonly StatusSample[], status: Status, atMs: number): StatusSample[] {
  const number = (offset: string | null) => (offset === null ? null : Number(offset));
  const partitions = new Map(
    status.partitions.map((partition) => [
      partition.name,
      {
        topic: partition.topic,
        end: number(partition.logEndOffset),
        next: number(
          partition.nextOffset ?? (partition.logStartOffset === null ? null : partition.logStartOffset),
        ),
        lagMessages: partition.lagMessages,
        lagSeconds: partition.lagSeconds,
      },
    ]),
  );
  return [...history.slice(1 - SAMPLES_MAX), { atMs, partitions }];
}

export interface TopicRate {
  /** Records that the log got, a second. */
  readonly arriving: number;
  /** Records that were journaled or refused, a second. */
  readonly reading: number;
}

/**
 * The rates of each topic in the last ten seconds; null for a topic without two samples. A status arrives only when something
 * has changed, so the time since the last one counts too.
 */
export function topicRates(
  history: readonly StatusSample[],
  nowMs: number,
): ReadonlyMap<string, TopicRate | null> {
  const last = history.at(-1);
  const rates = new Map<string, TopicRate | null>();
  if (last === undefined) return rates;
  const first = sampleBefore(history, nowMs - RATE_MS);
  // Two clocks may differ, and a sample may be of this very moment.
  const seconds = Math.max(0.5, (nowMs - first.atMs) / 1_000);
  for (const [name, now] of last.partitions) {
    const then = first.partitions.get(name);
    const known = rates.get(now.topic) ?? null;
    // A last status that is older than the window says that nothing has changed since.
    if (then === undefined || (first === last && seconds * 1_000 < RATE_MS)) {
      rates.set(now.topic, known);
      continue;
    }
    rates.set(now.topic, {
      arriving: (known?.arriving ?? 0) + Math.max(0, (now.end ?? 0) - (then.end ?? 0)) / seconds,
      reading: (known?.reading ?? 0) + Math.max(0, (now.next ?? 0) - (then.next ?? 0)) / seconds,
    });
  }
  return rates;
}

/** The last sample at or before the moment; the first of all if there is none. */
function sampleBefore(history: readonly StatusSample[], atMs: number): StatusSample {
  const found = history.findLast((sample) => sample.atMs <= atMs) ?? history[0];
  if (found === undefined) throw new RangeError('The history is empty.');
  return found;
}
