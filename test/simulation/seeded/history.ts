import type { RecordSpec } from './records.ts';

/** The sizes and durations of one world. */
export interface Shape {
  readonly partitions: { readonly orders: number; readonly payments: number };
  /** The instances at the beginning. */
  readonly instances: number;
  readonly lanes: number;
  readonly batchEvents: number;
  readonly cacheEvents: number;
  readonly maxBufferedBytes: number;
  /** The most records of one fetch. */
  readonly fetchRecords: number;
  /** The mean of what an answer takes, of the log, the store and the target. */
  readonly logMs: number;
  readonly storeMs: number;
  readonly targetMs: number;
  readonly delivery: {
    readonly concurrency: number;
    readonly maxBatch: number;
    readonly maxAttempts: number;
    /** Longer than `holdMs` and the slowest request together. */
    readonly leaseMs: number;
    readonly holdMs: number;
  };
  /** The most that a slow request to the target takes, and a repeated one comes late. */
  readonly targetSlowMs: number;
  /** The group goes on without a process that is silent for this time. */
  readonly sessionMs: number;
  /** When a process that died is started again. */
  readonly restartMs: number;
  /** Whether the target is swept. */
  readonly isSwept: boolean;
  /** Whether instances work off jobs. */
  readonly hasJobs: boolean;
}

export type StoreCode = 'store_busy' | 'store_unreachable' | 'store_failed';

/** What befalls statements, each with a probability. */
export interface StoreWeather {
  readonly slowMs: number;
  readonly refuses: number;
  readonly code: StoreCode;
  /** A COMMIT is not answered: after it was done, or before. */
  readonly losesCommits: number;
  /** Whether statements of other kinds break off too. */
  readonly breaksOff: number;
  /** Only statements whose names begin so; all if empty. */
  readonly only: string;
}

export interface LogWeather {
  readonly slowMs: number;
  /** A request is answered with an error. */
  readonly refuses: number;
}

export const TARGET_TROUBLES = [
  'slow',
  'loses_answers',
  'closes',
  'fails',
  'refuses',
  'unauthorised',
  'throttles',
  'lies',
  'forgets',
  'duplicates',
] as const;
export type TargetTrouble = (typeof TARGET_TROUBLES)[number];

export interface TargetWeather {
  readonly trouble: TargetTrouble;
  readonly chance: number;
  /** The orders that it strikes; all if empty. */
  readonly orders: readonly number[];
}

export type JobAsked = 'redrive' | 'verify' | 'rebuild' | 'switch' | 'quarantine_redrive' | 'cancel';

/** Something that happens in the world. `instance` and `partition` are taken modulo what there is then. */
export type Happening =
  | { readonly kind: 'publish'; readonly records: readonly RecordSpec[] }
  | { readonly kind: 'start' }
  | { readonly kind: 'stop'; readonly instance: number }
  | { readonly kind: 'kill'; readonly instance: number; readonly afterSteps: number }
  | { readonly kind: 'freeze'; readonly instance: number; readonly ms: number; readonly inCommit: boolean }
  | { readonly kind: 'clock'; readonly instance: number; readonly ms: number }
  | { readonly kind: 'store'; readonly weather: StoreWeather; readonly ms: number }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'store_back'; readonly isRestore: boolean }
  | { readonly kind: 'log'; readonly weather: LogWeather; readonly ms: number }
  | { readonly kind: 'shuffle' }
  | { readonly kind: 'expel'; readonly instance: number }
  | { readonly kind: 'fence'; readonly partition: number }
  | { readonly kind: 'gap'; readonly partition: number; readonly offsets: number }
  | { readonly kind: 'spoil'; readonly partition: number }
  | { readonly kind: 'retention'; readonly partition: number; readonly share: number }
  | { readonly kind: 'leaderless'; readonly partition: number; readonly ms: number }
  | { readonly kind: 'election'; readonly partition: number; readonly loses: number }
  | { readonly kind: 'more_partitions'; readonly topic: string }
  | { readonly kind: 'target'; readonly weather: TargetWeather; readonly ms: number }
  | { readonly kind: 'pause'; readonly part: 'ingest' | 'partition' | 'target'; readonly partition: number }
  | { readonly kind: 'decide' }
  | { readonly kind: 'job'; readonly job: JobAsked }
  | { readonly kind: 'vandal'; readonly order: number; readonly what: 'row_gone' | 'row_altered' };

export type Act = Happening & { readonly atMs: number };

/** Everything that decides a run. The same history always runs the same way. */
export interface History {
  /** Decides latencies, sequence and other chances while it is played. */
  readonly seed: number;
  readonly shape: Shape;
  /** By their moments. */
  readonly acts: readonly Act[];
  /** Makes the first instance die at this step, if given. */
  readonly diesAtStep?: number;
}

export function recordsOf(history: History): number {
  return history.acts.reduce((sum, act) => sum + (act.kind === 'publish' ? act.records.length : 0), 0);
}
