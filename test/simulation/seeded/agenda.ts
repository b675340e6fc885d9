import type { Clock } from '../../../src/ports/clock.ts';
import { Chance } from '../scheduler.ts';

interface Entry {
  readonly atMs: number;
  readonly number: number;
  /** Null once it was cancelled. */
  wake: (() => void) | null;
}

export interface Sleeper {
  readonly isRunning: boolean;
  runs(): Promise<void>;
}

const ALWAYS_AWAKE: Sleeper = { isRunning: true, runs: () => Promise.resolve() };
const ANSWER_MAX_MS = 60_000;
/** A program that waits for nothing for this many turns in one moment is caught in a loop. */
const TURNS_AT_ONE_MOMENT_MAX = 20_000;

/**
 * Time and chance of one simulated world. Nothing in the world waits for anything but this agenda, so that after one
 * entry was woken, running the microtasks lets everything happen that follows from it. No real time passes.
 */
export class Agenda implements Clock {
  readonly #chance: Chance;
  readonly #startMs: number;
  /** A binary heap: the next entry is the first, and of two at one moment the one that was made first. */
  readonly #heap: Entry[] = [];
  #elapsedMs = 0;
  #made = 0;
  /** The number of entries that were woken. */
  woken = 0;

  constructor(seed: number, startMs = Date.UTC(2026, 0, 1)) {
    this.#chance = new Chance(seed);
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + Math.floor(this.#elapsedMs);
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  random(): number {
    return this.#chance.number();
  }

  uuid(): string {
    return this.#chance.uuid();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.sleepOf(ALWAYS_AWAKE, ms, signal);
  }

  /** Like `sleep`, for somebody who may not be awake when the time is over, and then has to become so first. */
  sleepOf(sleeper: Sleeper, ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal === undefined)
      return new Promise((resolve) => {
        this.#add(ms, () => resolve(sleeper.isRunning ? undefined : sleeper.runs()));
      });
    if (signal.aborted) return sleeper.isRunning ? Promise.resolve() : sleeper.runs();
    return new Promise((resolve) => {
      const end = () => {
        entry.wake = null;
        signal.removeEventListener('abort', end);
        resolve(sleeper.isRunning ? undefined : sleeper.runs());
      };
      const entry = this.#add(ms, end);
      signal.addEventListener('abort', end);
    });
  }

  /** Has `wake` called in `ms`. */
  after(ms: number, wake: () => void): void {
    this.#add(ms, wake);
  }

  /** Moves time on until `isDone`, or until `limitMs` have passed; says whether it is done. */
  runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      // Only outside of a microtask can the microtasks be run. `setImmediate` would do too, and takes several times as long.
      process.nextTick(() => {
        try {
          resolve(this.#run(isDone, this.#elapsedMs + limitMs));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #run(isDone: () => boolean, endMs: number): boolean {
    let turns = 0;
    letHappen();
    while (!isDone()) {
      const next = this.#take(endMs);
      if (next === null) {
        this.#elapsedMs = endMs;
        return isDone();
      }
      turns = next.atMs > this.#elapsedMs ? 0 : turns + 1;
      if (turns > TURNS_AT_ONE_MOMENT_MAX) throw new Error('Time stands still: a loop never waits.');
      this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs);
      this.woken++;
      (next.wake as () => void)();
      letHappen();
    }
    return true;
  }

  /** Moves time on until the promise has its answer, and gives it. */
  async answerOf<Result>(promise: Promise<Result>): Promise<Result> {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    promise.then(done, done);
    if (await this.runUntil(() => isDone, ANSWER_MAX_MS)) return promise;
    throw new Error(`There was no answer within ${ANSWER_MAX_MS / 1_000} s of virtual time.`);
  }

  #add(ms: number, wake: () => void): Entry {
    const entry = { atMs: this.#elapsedMs + Math.max(0, ms), number: this.#made++, wake };
    const heap = this.#heap;
    let place = heap.push(entry) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[place] = heap[parent] as Entry;
      place = parent;
    }
    heap[place] = entry;
    return entry;
  }

  /** Takes the next entry off; null if it comes behind `endMs`. */
  #take(endMs: number): Entry | null {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || (first.wake !== null && first.atMs > endMs)) return null;
      this.#dropFirst();
      if (first.wake !== null) return first;
    }
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[place] = heap[child] as Entry;
      place = child;
    }
    heap[place] = last;
  }
}

/**
 * Lets everything happen that follows from what has happened: runs the microtasks that wait, and those that they make. Node
 * calls this itself behind each callback. A turn of the event loop would do the same, and takes ten times as long.
 */
const letHappen = (process as unknown as { _tickCallback(): void })._tickCallback;

function isBefore(left: Entry, right: Entry): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.number < right.number);
}
