/** Measures one more event of an entity by the number of its events, with a lane of ingest on a real store. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HotEntityAnswer, HotEntityJob } from './hot-entity-process.ts';

export interface HotEntityOptions {
  /** `sqlite:<file>` or `mysql://...`. The database must be empty. */
  readonly databaseUrl: string;
  /** The numbers of events at which it measures, in ascending sequence. */
  readonly sizes: readonly number[];
  readonly singleEvents?: number;
  readonly lateEvents?: number;
  readonly progress?: (line: string) => void;
}

export interface HotEntityFigures {
  readonly events: number;
  /** The median time of one more event. */
  readonly event_ms: number;
  /** The median time of one more event in the middle of the history. */
  readonly late_event_ms: number;
  /** The time of the first event after a start. */
  readonly first_event_ms: number;
  /** The peak memory of the process that got single events. */
  readonly peak_mib: number;
  /** The peak memory of the process that got the events up to this size in batches. */
  readonly drain_peak_mib: number;
  readonly drain_events_per_second: number;
}

/** Gives the order events up to each size, and measures there. Each step runs in a process of its own. */
export async function measureHotEntity(options: HotEntityOptions): Promise<HotEntityFigures[]> {
  const { databaseUrl, sizes, singleEvents = 41, lateEvents = 9, progress = () => {} } = options;
  const orderId = 'hot-order';
  const figures: HotEntityFigures[] = [];
  let events = 0;
  for (const [index, size] of sizes.entries()) {
    const job = { databaseUrl, orderId, fromEvents: events, toEvents: size };
    const drained = await inProcess({ ...job, singleEvents: 0, lateEvents: 0 });
    const measured = await inProcess({ ...job, fromEvents: size, singleEvents, lateEvents });
    // The late events stand between the events of the next step.
    events = size + singleEvents;
    const expected = events + (index + 1) * lateEvents;
    if (measured.version !== expected)
      throw new Error(`The order is at version ${measured.version}, not ${expected}.`);
    const found: HotEntityFigures = {
      events: size,
      event_ms: median(measured.singleMs),
      late_event_ms: median(measured.lateMs),
      first_event_ms: rounded(measured.firstMs),
      peak_mib: Math.round(measured.peakBytes / 2 ** 20),
      drain_peak_mib: Math.round(drained.peakBytes / 2 ** 20),
      drain_events_per_second: Math.round((size - job.fromEvents) / (drained.batchesMs / 1_000)),
    };
    figures.push(found);
    progress(JSON.stringify(found));
  }
  return figures;
}

function inProcess(job: HotEntityJob): Promise<HotEntityAnswer> {
  const program = fileURLToPath(new URL('./hot-entity-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(printed) as HotEntityAnswer);
      else reject(new Error(`The process that measures ended with code ${code}.`));
    });
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return rounded(sorted[Math.floor(sorted.length / 2)] ?? 0);
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
