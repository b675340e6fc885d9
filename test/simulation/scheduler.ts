import { setImmediate } from 'node:timers/promises';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import type { Clock } from '../../src/ports/clock.ts';

/** The event loop is idle once this many turns in a row passed in which nobody asked the clock for anything. */
const QUIET_TURNS = 3;

/** Choices that the same seed makes again. */
export class Chance {
  readonly #clock: SeededClock;

  constructor(seed: number) {
    this.#clock = new SeededClock({ seed });
  }

  /** A number in [0, 1). */
  number(): number {
    return this.#clock.random();
  }

  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.number() * (max - min + 1));
  }

  uuid(): string {
    return this.#clock.uuid();
  }

  happens(probability: number): boolean {
    return this.number() < probability;
  }

  pick<Item>(list: readonly Item[]): Item {
    return list[this.integer(0, list.length - 1)] as Item;
  }

  shuffled<Item>(list: readonly Item[]): Item[] {
    const drawn = list.map((item) => ({ item, place: this.number() }));
    return drawn.sort((left, right) => left.place - right.place).map(({ item }) => item);
  }
}

/** Notices that somebody asked for a turn of the event loop, so that the scheduler waits until nobody does. */
class WatchedClock extends SeededClock {
  asked = 0;

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.asked++;
    return super.sleep(ms, signal);
  }
}

/**
 * Runs everything on one clock of its own. Virtual time moves from one sleeper to the next, and only when the event
 * loop is idle and no real call (of a store on a real file) is under way. So one seed gives one run.
 */
export class Scheduler {
  readonly #clock: WatchedClock;
  #realCalls = 0;

  constructor(seed: number) {
    this.#clock = new WatchedClock({ seed });
  }

  get clock(): Clock {
    return this.#clock;
  }

  get nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Does real work; virtual time stands still until it is done. */
  async real<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#realCalls++;
    try {
      return await work();
    } finally {
      this.#realCalls--;
    }
  }

  /** Inside `real`: lets virtual time go on while `work` waits. */
  async virtual<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#realCalls--;
    try {
      return await work();
    } finally {
      this.#realCalls++;
    }
  }

  /** Moves time on until `isDone`, or until `limitMs` have passed; says whether it is done. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.nowMs + limitMs;
    for (;;) {
      await this.#settle();
      if (isDone()) return true;
      const nextMs = this.#clock.nextWakeMs;
      if (nextMs === null || this.nowMs + nextMs > endMs) {
        await this.#clock.advance(Math.max(0, endMs - this.nowMs));
        await this.#settle();
        return isDone();
      }
      await this.#clock.advance(Math.max(0, nextMs));
    }
  }

  /** Lets this much virtual time pass. */
  async run(ms: number): Promise<void> {
    await this.runUntil(() => false, ms);
  }

  /** Moves time on until the promise has its answer, and gives it. */
  async answerOf<Result>(promise: Promise<Result>, limitMs = 60_000): Promise<Result> {
    let isDone = false;
    const settled = promise.then(
      () => {
        isDone = true;
      },
      () => {
        isDone = true;
      },
    );
    if (!(await this.runUntil(() => isDone, limitMs)))
      throw new Error(`There was no answer within ${limitMs} ms of virtual time.`);
    await settled;
    return promise;
  }

  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      const { asked } = this.#clock;
      await setImmediate();
      quiet = this.#realCalls > 0 || this.#clock.asked !== asked ? 0 : quiet + 1;
    }
  }
}

/**
 * One process of the simulation. Whatever comes back to it from a port waits for `runs`: until it is thawed if it is
 * frozen (SIGSTOP, a paused machine), and for ever if it is dead (SIGKILL).
 */
export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly #worldClock: Clock;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  #thawed = Promise.withResolvers<void>();
  #awaking = 0;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#worldClock = clock;
    this.clock = {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      random: () => clock.random(),
      uuid: () => clock.uuid(),
      sleep: async (ms, signal) => {
        await clock.sleep(ms, signal);
        await this.runs();
      },
    };
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen';
  }

  async runs(): Promise<void> {
    while (this.#state !== 'running') {
      await (this.#state === 'dead' ? new Promise<never>(() => {}) : this.#thawed.promise);
      // One after the other, so that no two of its calls reach the store at one moment.
      await this.#worldClock.sleep(++this.#awaking * 0.001);
    }
  }

  kill(): void {
    this.#state = 'dead';
  }

  freeze(): void {
    if (this.#state !== 'running') return;
    this.#state = 'frozen';
    this.#thawed = Promise.withResolvers();
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    this.#awaking = 0;
    this.#thawed.resolve();
  }
}
