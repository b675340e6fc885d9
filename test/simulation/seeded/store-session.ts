import { TributaryError } from '../../../src/core/errors.ts';
import type { Chance } from '../scheduler.ts';
import type { Agenda } from './agenda.ts';
import type { StoreWeather } from './history.ts';
import type { SimulatedProcess } from './process.ts';
import type { Tally } from './tally.ts';

export const FAIR_STORE: StoreWeather = {
  slowMs: 0,
  refuses: 0,
  code: 'store_busy',
  losesCommits: 0,
  breaksOff: 0,
  only: '',
};

const SLOW_ANSWERS = 0.2;

export interface SessionOptions {
  readonly process: SimulatedProcess;
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly meanMs: number;
  readonly tally: Tally;
  readonly weather: () => Iterable<StoreWeather>;
}

/** The way from one process to the database: slow, refusing, breaking off, and stopped wherever the process is. */
export class StoreWay {
  readonly #options: SessionOptions;
  /** Freezes the process inside its next transaction. */
  freezeInCommit: (() => void) | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  async statement(name: string): Promise<void> {
    const { process, tally, chance } = this.#options;
    const weather = this.#weatherOf(name);
    await this.#travel(weather);
    await process.step();
    if (name === 'COMMIT' && this.freezeInCommit !== null) {
      const freeze = this.freezeInCommit;
      this.freezeInCommit = null;
      tally.count('frozen inside a transaction');
      freeze();
      await process.runs();
    }
    for (const { refuses, code, breaksOff, losesCommits } of weather) {
      if (chance.happens(refuses)) {
        tally.count(`statement refused: ${code}`);
        throw new TributaryError(code, `The simulated store refuses ${name}.`);
      }
      if (name === 'COMMIT' && chance.happens(losesCommits / 2)) {
        tally.count('COMMIT lost before it was done');
        throw new TributaryError('store_commit_unknown', 'The connection broke during COMMIT.');
      }
      if (chance.happens(breaksOff)) {
        tally.count('connection broken before a statement');
        throw new TributaryError('store_unreachable', `The connection broke before ${name}.`);
      }
    }
  }

  async answered(name: string): Promise<void> {
    const { process, tally, chance } = this.#options;
    const weather = this.#weatherOf(name);
    // Most answers come at once; that some take their time is enough to let others in between.
    if (weather.length > 0 || chance.happens(SLOW_ANSWERS)) await this.#travel(weather);
    if (!process.isRunning) await process.runs();
    for (const { breaksOff, losesCommits } of weather) {
      if (name === 'COMMIT' && chance.happens(losesCommits / 2)) {
        tally.count('COMMIT lost after it was done');
        throw new TributaryError('store_commit_unknown', 'The connection broke after COMMIT.');
      }
      if (name !== 'COMMIT' && chance.happens(breaksOff)) {
        tally.count('connection broken before an answer');
        throw new TributaryError('store_unreachable', `The connection broke during ${name}.`);
      }
    }
  }

  #weatherOf(name: string): readonly StoreWeather[] {
    const matching: StoreWeather[] = [];
    for (const weather of this.#options.weather()) if (name.startsWith(weather.only)) matching.push(weather);
    return matching;
  }

  async #travel(weather: readonly StoreWeather[]): Promise<void> {
    const { agenda, chance, meanMs } = this.#options;
    const slowMs = weather.reduce((most, each) => Math.max(most, each.slowMs), 0);
    const ms = chance.number() * (2 * meanMs + slowMs);
    if (ms > 0) await agenda.sleep(ms);
  }
}
