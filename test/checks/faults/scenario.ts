/** What a scenario of `check:faults` is, and what it comes to. */
import type { RunningCheck } from '../lib/command.ts';
import type { Ground } from './ground.ts';
import type { ReadyzLine } from './readyz-watch.ts';

export const DATABASES = ['mariadb', 'mysql', 'sqlite'] as const;
export type DatabaseKind = (typeof DATABASES)[number];

/** Everything has to be as before this long after the fault is over, or after its start where another has to take over. */
export const RECOVERY_LIMIT_SECONDS = 30;
/** A part that the fault does not touch may pause for this long. */
export const HEALTHY_PAUSE_LIMIT_SECONDS = 5;
/** A part that stands still for this long must have turned /readyz red. */
export const SILENCE_LIMIT_SECONDS = 15;

export interface ScenarioContext {
  /** Of this scenario alone: what is deferred here happens when it ends. */
  readonly check: RunningCheck;
  readonly ground: Ground;
  /** About how many events the scenario publishes. */
  readonly events: number;
  /** How many events `hot-entity` gives to one order. */
  readonly hotEvents: number;
  readonly seed: number;
}

export interface Scenario {
  readonly name: string;
  /** What breaks, when, and for how long. */
  readonly plan: string;
  /** After this long the scenario has failed. */
  readonly limitSeconds: number;
  /** Starts servers that scenarios share, before the limit begins to count. */
  readonly prepare?: (ground: Ground) => Promise<unknown>;
  /** Why it does not apply to the database, or null if it does. */
  notApplicable(database: DatabaseKind): string | null;
  run(context: ScenarioContext): Promise<ScenarioFigures>;
}

/** The figures of one scenario. The names of the first seven are the ones that every scenario has. */
export interface ScenarioFigures {
  /** That the fault took place, in words and numbers. Empty if it did not, and then the scenario proves nothing. */
  readonly seen: string;
  readonly recovery_seconds: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly divergent: number;
  readonly target_different: number;
  readonly parked_wrongly: number;
  /** The longest pause of a part that the fault does not touch. */
  readonly healthy_pause_seconds: number;
  /** The longest time for which a partition had records waiting and did not move. */
  readonly stood_still_seconds: number;
  readonly readyz: readonly ReadyzLine[];
  /** What is wrong, in sentences. */
  readonly wrong: readonly string[];
  readonly ok: boolean;
  readonly [more: string]: unknown;
}
