/** Kills the programs of `check:delivery-crash`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningCheck } from './command.ts';
import type { DeliveryWire } from './delivery-wire.ts';
import type { Program } from './programs.ts';
import type { Random } from './random.ts';

export interface KillFigures {
  order_sync_kills: number;
  order_mgt_kills: number;
  /** The number of times that a program ended by itself. */
  crashes: number;
  /** The number of effects at the target before the last kill. */
  effects_under_kills: number;
  /** The number of kills before which the target had changed since the kill before. */
  kills_amid_effects: number;
}

/** An aimed kill waits at most 800 ms for an answer. */
const AIM_MS = 800;

export interface KillerOptions {
  readonly target: Program;
  readonly syncs: readonly Program[];
  readonly wire: Pick<DeliveryWire, 'loseAnswers' | 'mend' | 'answerToOtherThan' | 'senderKilled'>;
  /** The mean pause. Each pause is 0.5 to 1.5 times as long, so that it matches no period of a program. */
  readonly pauseMs: number;
  readonly random: Random;
  /** Returns the number of effects at the target so far. */
  readonly countEffects: () => number;
}

/**
 * Kills an order-sync and order-mgt by turns, and starts each again at once. No order-sync is killed twice in a row, so
 * the others work while it starts and while its partitions wait for the end of its session.
 *
 * Half of the kills are aimed at an answer: an order-sync is killed when it has the answer and has not recorded it yet;
 * order-mgt is killed when it answers, and the answer is lost. That is a kill between COMMIT and answer. The two are
 * less than 1 ms apart, so a random kill seldom comes between them.
 */
export class Killer {
  readonly #check: RunningCheck;
  readonly #options: KillerOptions;
  readonly #resting = new AbortController();
  readonly #figures: KillFigures = {
    order_sync_kills: 0,
    order_mgt_kills: 0,
    crashes: 0,
    effects_under_kills: 0,
    kills_amid_effects: 0,
  };

  /** The number of the order-sync that was killed last; -1 before the first kill. */
  #lastKilled = -1;

  constructor(check: RunningCheck, options: KillerOptions) {
    this.#check = check;
    this.#options = options;
  }

  figures(): KillFigures {
    return { ...this.#figures };
  }

  async killUntilRest(): Promise<void> {
    const { pauseMs, random } = this.#options;
    const signal = AbortSignal.any([this.#resting.signal, this.#check.signal]);
    let nextAtMs = performance.now();
    for (let turn = 0; ; turn++) {
      nextAtMs += pauseMs * (0.5 + random.next());
      await sleep(Math.max(0, nextAtMs - performance.now()), undefined, { signal }).catch(() => {});
      this.#restartCrashed();
      if (signal.aborted) return;
      const isTarget = turn % 2 === 1;
      const isAimed = random.chance(0.5);
      if (isTarget) await this.#killTarget(isAimed);
      else await this.#killSync(isAimed);
    }
  }

  rest(): void {
    this.#resting.abort();
  }

  async #killTarget(isAimed: boolean): Promise<void> {
    const { target, wire } = this.#options;
    if (isAimed) await wire.loseAnswers(AIM_MS);
    await target.kill();
    wire.mend();
    this.#noteKill(true);
    target.start();
  }

  /** Kills an order-sync other than the last one, which may still be starting. */
  async #killSync(isAimed: boolean): Promise<void> {
    const { syncs, wire } = this.#options;
    const aim = isAimed ? await wire.answerToOtherThan(this.#lastKilled, AIM_MS) : undefined;
    const sender = aim ?? (this.#lastKilled + 1) % syncs.length;
    this.#lastKilled = sender;
    const sync = syncs[sender] as Program;
    await sync.kill();
    wire.senderKilled(sender);
    this.#noteKill(false);
    sync.start();
  }

  #noteKill(isTarget: boolean): void {
    const figures = this.#figures;
    if (isTarget) figures.order_mgt_kills++;
    else figures.order_sync_kills++;
    const effects = this.#options.countEffects();
    if (effects > figures.effects_under_kills) figures.kills_amid_effects++;
    figures.effects_under_kills = effects;
  }

  #restartCrashed(): void {
    for (const program of [this.#options.target, ...this.#options.syncs]) {
      if (program.isRunning) continue;
      this.#figures.crashes++;
      this.#check.progress(`${program.label} ended by itself; its log ends:\n${program.logTail()}`);
      program.start();
    }
  }
}
