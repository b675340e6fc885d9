import type { Clock } from '../../../ports/clock.ts';
import type { EventLogProducer } from '../../../ports/event-log.ts';
import { type LoadItem, type LoadKind, type LoadOptions, loadStream } from './stream.ts';

export interface LoadRun {
  readonly producer: EventLogProducer;
  readonly load: LoadOptions;
  /** Null: as fast as the log takes them. */
  readonly recordsPerSecond: number | null;
  /** The most records of one append. */
  readonly appendRecordsMax: number;
  readonly clock: Clock;
  /** Ends the load early; what is on its way is waited for. */
  readonly signal: AbortSignal;
  readonly onProgress: (acknowledged: number) => void;
}

export interface LoadResult {
  /** Acknowledged as durable, by kind. */
  readonly published: Readonly<Record<LoadKind, number>>;
  readonly seconds: number;
}

/** How many appends are on their way at once: enough to keep the log busy while the next one is made. */
const APPENDS_IN_FLIGHT = 4;
/** A load with a rate sends so many times a second at least, so that it does not come in gusts. */
const GUSTS_PER_SECOND = 20;

/**
 * Publishes a load in memory bounded by the appends in flight. Rejects with the first append's error, after all
 * the others in flight have ended.
 */
export async function runLoad(run: LoadRun): Promise<LoadResult> {
  const { clock, signal, recordsPerSecond } = run;
  const appendRecordsMax =
    recordsPerSecond === null
      ? run.appendRecordsMax
      : Math.max(1, Math.min(run.appendRecordsMax, Math.floor(recordsPerSecond / GUSTS_PER_SECOND)));
  const published: Record<LoadKind, number> = { event: 0, late: 0, duplicate: 0, malformed: 0 };
  const inFlight = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const startedMs = clock.monotonicMs();
  let launched = 0;
  let acknowledged = 0;

  async function append(items: readonly LoadItem[]): Promise<void> {
    try {
      await run.producer.append(items);
      for (const item of items) published[item.kind]++;
      acknowledged += items.length;
      run.onProgress(acknowledged);
    } catch (error) {
      failures.push(error);
    }
  }

  async function launch(items: readonly LoadItem[]): Promise<void> {
    if (recordsPerSecond !== null) {
      const dueMs = startedMs + (launched / recordsPerSecond) * 1_000;
      const waitMs = dueMs - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    }
    while (inFlight.size >= APPENDS_IN_FLIGHT) await Promise.race(inFlight);
    if (signal.aborted || failures.length > 0) return;
    launched += items.length;
    const appending: Promise<void> = append(items).finally(() => inFlight.delete(appending));
    inFlight.add(appending);
  }

  let items: LoadItem[] = [];
  for (const item of loadStream(run.load)) {
    items.push(item);
    if (items.length < appendRecordsMax) continue;
    await launch(items);
    items = [];
    if (signal.aborted || failures.length > 0) break;
  }
  if (items.length > 0) await launch(items);
  await Promise.all(inFlight);
  if (failures.length > 0) throw failures[0];
  return { published, seconds: (clock.monotonicMs() - startedMs) / 1_000 };
}
