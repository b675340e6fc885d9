import type { Clock } from '../../../src/ports/clock.ts';
import { Chance } from '../scheduler.ts';
import type { Agenda } from './agenda.ts';

/**
 * One process of the simulation. Everything that comes back to it from a port waits for `runs`: until it is thawed if it
 * is frozen (SIGSTOP, a paused machine), and for ever if it is dead (SIGKILL).
 *
 * A **step** is a moment before the process changes something outside: it asks the store or the log, or sends to a
 * target. Between two steps nothing of it can be seen, so a process that dies at each of its steps in turn has died
 * everywhere.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #agenda: Agenda;
  readonly #never = new Promise<never>(() => {});
  /** Called when the process dies. */
  onDeath: () => void = () => {};
  /** The number of the step at which the process dies. */
  diesAtStep = Number.POSITIVE_INFINITY;
  /** The steps that were taken. */
  steps = 0;
  /** How far the wall clock of its machine is ahead. */
  skewMs = 0;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  #thawed = Promise.withResolvers<void>();

  constructor(name: string, agenda: Agenda, seed: number) {
    this.name = name;
    this.#agenda = agenda;
    const chance = new Chance(seed);
    this.clock = {
      now: () => agenda.now() + this.skewMs,
      monotonicMs: () => agenda.monotonicMs(),
      random: () => chance.number(),
      uuid: () => chance.uuid(),
      sleep: (ms, signal) => agenda.sleepOf(this, ms, signal),
    };
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen';
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Resolves once the process runs. */
  async runs(): Promise<void> {
    while (this.#state !== 'running') {
      await (this.#state === 'dead' ? this.#never : this.#thawed.promise);
    }
  }

  /**
   * To be called before the process changes anything outside. Says whether it runs; if not, the caller waits for `runs`.
   */
  takesStep(): boolean {
    if (this.#state === 'running' && this.steps++ === this.diesAtStep) this.kill();
    return this.#state === 'running';
  }

  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.onDeath();
  }

  freeze(ms: number): void {
    if (this.#state !== 'running') return;
    this.#state = 'frozen';
    this.#thawed = Promise.withResolvers();
    this.#agenda.after(ms, () => {
      if (this.#state !== 'frozen') return;
      this.#state = 'running';
      this.#thawed.resolve();
    });
  }
}
