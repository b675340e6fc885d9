import { Chance } from '../scheduler.ts';
import { drawHistory, type Size } from './draw.ts';
import { type History, recordsOf } from './history.ts';
import { type Played, play } from './play.ts';
import type { Tally } from './tally.ts';

/** Histories of one in this many seeds are played once more for each step, at which the first process dies then. */
const CRASHED_EVERYWHERE_ONE_IN = 40;
/** Longer histories would be crashed too often. */
const CRASHED_RECORDS_MAX = 8;
const CRASHED_ACTS_MAX = 5;

export interface Failure {
  readonly history: History;
  readonly violations: readonly string[];
}

export interface SeedResult {
  readonly schedules: number;
  readonly failure: Failure | null;
}

/** Most histories are short, because a short one shows most faults; some are so long that caches and batches run over. */
export function sizeOf(seed: number): Size {
  const drawn = new Chance(seed * 7 + 3).number();
  if (drawn < 0.001) return 'large';
  return drawn < 0.03 ? 'medium' : 'small';
}

export function historyOf(seed: number, size: Size = sizeOf(seed)): History {
  return drawHistory(seed, size);
}

/** Plays the history of a seed and, for some of them, the same history with a crash at every step. */
export async function playSeed(seed: number, tally: Tally, size: Size = sizeOf(seed)): Promise<SeedResult> {
  const history = historyOf(seed, size);
  const played = await play(history, tally);
  note(tally, size, history, played);
  if (played.violations.length > 0)
    return { schedules: 1, failure: { history, violations: played.violations } };
  const isCrashedEverywhere =
    size === 'small' &&
    seed % CRASHED_EVERYWHERE_ONE_IN === 0 &&
    recordsOf(history) <= CRASHED_RECORDS_MAX &&
    history.acts.length <= CRASHED_ACTS_MAX;
  return isCrashedEverywhere
    ? crashEverywhere(history, played.firstSteps, tally)
    : { schedules: 1, failure: null };
}

/** Plays a history once for each step of its first process, which dies there. */
export async function crashEverywhere(history: History, steps: number, tally: Tally): Promise<SeedResult> {
  let schedules = 1;
  for (let step = 0; step <= steps; step++) {
    const crashed = { ...history, diesAtStep: step };
    const { violations } = await play(crashed, tally);
    schedules++;
    tally.count('crashes at a chosen step');
    if (violations.length > 0) return { schedules, failure: { history: crashed, violations } };
  }
  tally.count('histories crashed at every step');
  return { schedules, failure: null };
}

function note(tally: Tally, size: Size, history: History, { transactions, settledMs }: Played): void {
  tally.count(`${size} histories`);
  tally.count('transactions', transactions);
  tally.atLeast('most records of a history', recordsOf(history));
  tally.atLeast('most transactions of a history', transactions);
  tally.atLeast('longest recovery in virtual ms', Math.round(settledMs));
}
