/** The hand of `check:delivery-crash`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningCheck } from './command.ts';
import type { Program } from './programs.ts';

/** Kills order-sync and order-mgt by turns, the order-syncs one after the other, and starts each again at once. */
export class Killer {
  readonly #check: RunningCheck;
  readonly #target: Program;
  readonly #syncs: readonly Program[];
  readonly #resting = new AbortController();
  orderSyncKills = 0;
  orderMgtKills = 0;
  /** How often a program had ended by itself. */
  crashes = 0;

  constructor(check: RunningCheck, target: Program, syncs: readonly Program[]) {
    this.#check = check;
    this.#target = target;
    this.#syncs = syncs;
  }

  async killUntilRest(pauseMs: number): Promise<void> {
    const signal = AbortSignal.any([this.#resting.signal, this.#check.signal]);
    for (let turn = 0; ; turn++) {
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
      this.#restartCrashed();
      if (signal.aborted) return;
      const isTarget = turn % 2 === 1;
      const program = isTarget ? this.#target : (this.#syncs[(turn / 2) % this.#syncs.length] as Program);
      await program.kill();
      if (isTarget) this.orderMgtKills++;
      else this.orderSyncKills++;
      program.start();
    }
  }

  rest(): void {
    this.#resting.abort();
  }

  #restartCrashed(): void {
    for (const program of [this.#target, ...this.#syncs]) {
      if (program.isRunning) continue;
      this.crashes++;
      this.#check.progress(`${program.label} ended by itself; its log ends:\n${program.logTail()}`);
      program.start();
    }
  }
}
