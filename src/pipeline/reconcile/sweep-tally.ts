import { messageOf, TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import type { SweepResult } from '../../ports/sweeps.ts';
import type { Verdict } from './comparison.ts';
import type { ReconcileReport } from './reconcile.ts';

const EXAMPLES_MAX = 5;

/** Adds up the portions of one sweep. It keeps numbers and a few examples, however many entities differ. */
export class SweepTally {
  readonly #beganAtMs: number;
  readonly #sums = { compared: 0, inFlight: 0, dead: 0, madeDue: 0, healed: 0 };
  readonly #verdicts: Record<Verdict, number> = {
    missing: 0,
    older: 0,
    different: 0,
    unrecorded: 0,
    unexpected: 0,
    newer: 0,
  };
  readonly #examples: string[] = [];
  #isComplete = false;
  #isCaughtUp: boolean | null = null;

  constructor(beganAtMs: number) {
    this.#beganAtMs = beganAtMs;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether the journal had everything that the log has in each portion that depended on it; null if none did. */
  get isCaughtUp(): boolean | null {
    return this.#isCaughtUp;
  }

  /** The first entities that differ, each with its verdict. */
  get examples(): string {
    return this.#examples.join(', ');
  }

  /** Called when deliveries become due, because a portion that fails later gives no report. */
  addMadeDue(count: number): void {
    this.#sums.madeDue += count;
  }

  add({ compared, inFlight, dead, healed, differences, isComplete, isCaughtUp }: ReconcileReport): void {
    if (isCaughtUp !== null) this.#isCaughtUp = isCaughtUp && this.#isCaughtUp !== false;
    this.#sums.compared += compared;
    this.#sums.inFlight += inFlight;
    this.#sums.dead += dead;
    this.#sums.healed += healed;
    for (const { verdict, entityId } of differences) {
      this.#verdicts[verdict]++;
      if (this.#examples.length < EXAMPLES_MAX) this.#examples.push(`${quoted(entityId, 255)} ${verdict}`);
    }
    this.#isComplete = isComplete;
  }

  /** Makes the result of the sweep. `error`: why it is not complete; null if it is. */
  result(endedAtMs: number, error: unknown): SweepResult {
    return {
      beganAtMs: this.#beganAtMs,
      endedAtMs,
      outcome: outcomeOf(error),
      error: error === null ? null : messageOf(error).slice(0, ERROR_LENGTH),
      ...this.#sums,
      ...this.#verdicts,
    };
  }
}

/** The longest error in a result. It may quote a target's answer. */
const ERROR_LENGTH = 1_000;

/** Whether an error concerns the target. It is the result of the sweep then. */
export function isOfTarget(error: unknown): boolean {
  return (
    error instanceof TributaryError &&
    (error.code === 'target_unreachable' ||
      error.code === 'target_answer_invalid' ||
      error.code === 'holdings_not_offered')
  );
}

function outcomeOf(error: unknown): SweepResult['outcome'] {
  if (error === null) return 'complete';
  const code = error instanceof TributaryError ? error.code : null;
  if (code === 'holdings_not_offered') return 'not_offered';
  return code === 'target_answer_invalid' ? 'failed' : 'gave_up';
}
