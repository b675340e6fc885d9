import type { Clock } from '../../../ports/clock.ts';
import type { EventLogProducer } from '../../../ports/event-log.ts';
import { type LoadItem, type LoadKind, type LoadOptions, loadStream } from './stream.ts';

export interface LoadRun {
  readonly producer: EventLogProducer;
  readonly load: LoadOptions;
  /** The rate of the load. Null sends as fast as the log takes the records. */
  readonly recordsPerSecond: number | null;
  /** The most records of one append. */
  readonly appendRecordsMax: number;
  readonly clock: Clock;
  /** Ends the load early. The appends in flight are waited for. */
  readonly signal: AbortSignal;
  readonly onProgress: (acknowledged: number) => void;
}

export interface LoadResult {
  /** The number of durable records of each kind. */
  readonly published: Readonly<Record<LoadKind, number>>;
  readonly seconds: number;
}

/** The most appends in flight. They keep the log busy while the next one is made. */
const APPENDS_IN_FLIGHT = 4;
/** A load with a rate appends at least 20 times per second, so that its records do not come in gusts. */
const APPENDS_PER_SECOND_MIN = 20;

/**
 * Publishes a load. Holds no more records in memory than the appends in flight. If an append fails, rejects with its error
 * after the others in flight have ended.
 */
export async function runLoad(run: LoadRun): Promise<LoadResult> {
  const { clock, signal, recordsPerSecond } = run;
  const appendRecordsMax =
    recordsPerSecond === null
      ? run.appendRecordsMax
      : Math.max(1, Math.min(run.appendRecordsMax, Math.floor(recordsPerSecond / APPENDS_PER_SECOND_MIN)));
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
