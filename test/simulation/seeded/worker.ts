/** Plays seeds for `main.ts`, in a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Size } from './draw.ts';
import { type Failure, playSeed } from './schedules.ts';
import { Tally, type TallyJson } from './tally.ts';

export interface WorkerTask {
  readonly from: number;
  readonly step: number;
  /** Behind the last seed. */
  readonly to: number;
  readonly endsAtMs: number;
  readonly size: Size | null;
}

export interface WorkerReport {
  readonly seeds: number;
  readonly schedules: number;
  readonly tally: TallyJson;
  readonly failures: readonly Failure[];
  readonly isDone: boolean;
}

const REPORTED_EVERY_MS = 2_000;
const FAILURES_MAX = 5;

const { from, step, to, endsAtMs, size } = workerData as WorkerTask;
let tally = new Tally();
let [seeds, schedules, reportedMs] = [0, 0, Date.now()];
const failures: Failure[] = [];

function report(isDone: boolean): void {
  parentPort?.postMessage({
    seeds,
    schedules,
    tally: tally.toJSON(),
    failures,
    isDone,
  } satisfies WorkerReport);
  tally = new Tally();
  [seeds, schedules, reportedMs] = [0, 0, Date.now()];
  failures.length = 0;
}

let failed = 0;
for (let seed = from; seed < to && Date.now() < endsAtMs && failed < FAILURES_MAX; seed += step) {
  const result = await playSeed(seed, tally, size ?? undefined);
  seeds++;
  schedules += result.schedules;
  if (result.failure !== null) {
    failed++;
    failures.push(result.failure);
  }
  if (Date.now() - reportedMs > REPORTED_EVERY_MS) report(false);
}
report(true);
