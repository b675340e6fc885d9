import { setImmediate } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { Sweeper, type SweeperOptions } from '../../../src/pipeline/reconcile/sweeper.ts';
import { Pair } from './pair.ts';
import { SweepBook } from './sweep-book.ts';

const TARGET = 'warehouse';
export const MINUTE_MS = 60_000;
export const EVERY_MS = 10 * MINUTE_MS;

/** A target and its ledger, and sweepers as several instances have them, in a time that stands until it is moved. */
export class Place {
  readonly pair: Pair;
  readonly clock = new SeededClock({ seed: 7 });
  readonly book = new SweepBook(this.clock);
  readonly logged: string[] = [];
  isShut = false;
  isDelivering = true;

  constructor(...ids: string[]) {
    this.pair = new Pair(...ids);
  }

  sweeper(facts: Partial<SweeperOptions> = {}): Sweeper {
    const sweeper = new Sweeper({
      target: TARGET,
      holdings: this.pair.holdings,
      store: { ...this.pair.store, ...this.book.calls },
      clock: this.clock,
      logger: (level, message, fields) =>
        this.logged.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`),
      everyMs: EVERY_MS,
      perSecond: 500,
      isShut: () => this.isShut,
      onMadeDue: () => {
        if (this.isDelivering) this.pair.deliver();
      },
      ...facts,
    });
    onTestFinished(async () => {
      await Promise.all([sweeper.stop(), this.clock.advance(0)]);
    });
    return sweeper;
  }

  /** Moves time from one wake to the next, with enough turns of the event loop for all that each of them starts. */
  async pass(ms: number): Promise<void> {
    const turns = async () => {
      for (let turn = 0; turn < 10; turn++) await setImmediate();
    };
    await turns();
    for (let passed = 0, step = 0; passed < ms; passed += step) {
      step = Math.min(this.clock.nextWakeMs ?? ms, ms - passed);
      await this.clock.advance(step);
      await turns();
    }
  }

  /** The milliseconds between the end of each sweep and the beginning of the next one. */
  async waits(count: number): Promise<number[]> {
    const waits: number[] = [];
    for (let sinceMs = this.book.waitsSinceMs; waits.length < count; sinceMs = this.book.waitsSinceMs) {
      while (this.book.waitsSinceMs === sinceMs) await this.pass(Math.max(1_000, this.clock.nextWakeMs ?? 0));
      waits.push((this.book.last?.beganAtMs ?? 0) - (sinceMs ?? 0));
    }
    return waits;
  }
}
