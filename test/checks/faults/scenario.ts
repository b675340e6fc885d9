/** The types of the scenarios of `check:faults` and of their figures. */
import type { RunningCheck } from '../lib/command.ts';
import type { Ground } from './ground.ts';
import type { ReadyzLine } from './readyz-watch.ts';

export const DATABASES = ['mariadb', 'mysql', 'sqlite'] as const;
export type DatabaseKind = (typeof DATABASES)[number];

/** The system must have recovered 30 s after the end of the fault; 30 s after its start if another instance takes over. */
export const RECOVERY_LIMIT_SECONDS = 30;
/** A part that the fault does not touch may pause for 5 s. */
export const HEALTHY_PAUSE_LIMIT_SECONDS = 5;
/** /readyz must be red when a part has stood still for 15 s. */
export const SILENCE_LIMIT_SECONDS = 15;

export interface ScenarioContext {
  /** The scope of this scenario. Its deferred calls run when the scenario ends. */
  readonly check: RunningCheck;
  readonly ground: Ground;
  /** The approximate number of events that the scenario publishes. */
  readonly events: number;
  /** The number of events that `hot-entity` gives to one order. */
  readonly hotEvents: number;
  readonly seed: number;
}

export interface Scenario {
  readonly name: string;
  /** Says what fails, when, and for how long. */
  readonly plan: string;
  /** A scenario that takes longer than this has failed. */
  readonly limitSeconds: number;
  /** Starts servers that scenarios share. The time that it takes does not count for the limit. */
  readonly prepare?: (ground: Ground) => Promise<unknown>;
  /** Returns the reason why the scenario does not apply to the database; null if it applies. */
  notApplicable(database: DatabaseKind): string | null;
  run(context: ScenarioContext): Promise<ScenarioFigures>;
}

/** The figures of one scenario. Every scenario has the first seven. */
export interface ScenarioFigures {
  /** Says in words and numbers that the fault took place. If it is empty, the scenario proves nothing. */
  readonly seen: string;
  readonly recovery_seconds: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly divergent: number;
  readonly target_different: number;
  readonly parked_wrongly: number;
  /** The longest pause of a part that the fault does not touch. */
  readonly healthy_pause_seconds: number;
  /** The longest time in which a partition had waiting records and its checkpoint did not move. */
  readonly stood_still_seconds: number;
  readonly readyz: readonly ReadyzLine[];
  /** The faults that the scenario found, as sentences. */
  readonly wrong: readonly string[];
  readonly ok: boolean;
  readonly [more: string]: unknown;
}
