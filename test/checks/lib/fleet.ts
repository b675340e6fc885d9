/** Runs several order-syncs on one log and one database, and kills one of them every few seconds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, type RunningCheck } from './command.ts';
import { Program } from './programs.ts';

export class Fleet {
  readonly #check: RunningCheck;
  readonly #programs: readonly Program[];
  readonly #resting = new AbortController();
  #killing: Promise<void> = Promise.resolve();
  #kills = 0;
  #crashes = 0;

  static async create(
    check: RunningCheck,
    folder: string,
    instances: number,
    settings: Readonly<Record<string, string>>,
  ): Promise<Fleet> {
    const programs: Program[] = [];
    for (let number = 1; number <= instances; number++) {
      programs.push(await Program.create(check, 'order-sync', `order-sync-${number}`, folder, settings));
    }
    return new Fleet(check, programs);
  }

  private constructor(check: RunningCheck, programs: readonly Program[]) {
    this.#check = check;
    this.#programs = programs;
  }

  /** The number of kills. */
  get kills(): number {
    return this.#kills;
  }

  /** The number of times that an instance ended by itself, which must be 0. */
  get crashes(): number {
    return this.#crashes;
  }

  async start(): Promise<void> {
    for (const program of this.#programs) program.start();
    await Promise.all(this.#programs.map((program) => program.ready()));
  }

  /** Kills the instances one after the other until `rest`, and starts each one again at once. */
  killEvery(seconds: number): void {
    if (seconds === 0) return;
    this.#killing = this.#killAll(seconds * 1_000).catch((error: unknown) => {
      this.#check.progress(`Killing ended: ${messageOf(error)}`);
    });
  }

  async #killAll(pauseMs: number): Promise<void> {
    const signal = AbortSignal.any([this.#resting.signal, this.#check.signal]);
    for (let turn = 0; ; turn++) {
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      this.restartCrashed();
      const program = this.#programs[turn % this.#programs.length] as Program;
      await program.kill();
      this.#kills++;
      program.start();
    }
  }

  /** Starts instances again that ended by themselves, and prints the end of their logs. */
  restartCrashed(): void {
    for (const program of this.#programs) {
      if (program.isRunning) continue;
      this.#crashes++;
      this.#check.progress(`${program.label} ended by itself; its log ends:\n${program.logTail()}`);
      program.start();
    }
  }

  /** Ends the killing, and resolves when every instance runs. */
  async rest(): Promise<void> {
    this.#resting.abort();
    await this.#killing;
  }

  async stop(): Promise<void> {
    await this.rest();
    await Promise.all(this.#programs.map((program) => program.stop()));
  }

  logTails(): string {
    return this.#programs.map((program) => `${program.label}:\n${program.logTail()}`).join('\n');
  }
}
