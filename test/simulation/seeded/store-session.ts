import { TributaryError } from '../../../src/core/errors.ts';
import type { Chance } from '../scheduler.ts';
import type { Agenda } from './agenda.ts';
import type { StoreWeather } from './history.ts';
import type { SimulatedProcess } from './process.ts';
import type { Tally } from './tally.ts';

const FAIR: readonly StoreWeather[] = [];
const SLOW_ANSWERS = 0.2;

export interface SessionOptions {
  readonly process: SimulatedProcess;
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly meanMs: number;
  readonly tally: Tally;
  readonly weather: ReadonlySet<StoreWeather>;
}

/** The way from one process to the database: slow, refusing, breaking off, and stopped wherever the process is. */
export class StoreWay {
  readonly #options: SessionOptions;
  /** Freezes the process inside its next transaction. */
  freezeInCommit: (() => void) | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  statement(name: string): Promise<void> | undefined {
    const { process } = this.#options;
    const weather = this.#weatherOf(name);
    const ms = this.#travelMs(weather);
    if (ms === 0 && weather.length === 0 && this.freezeInCommit === null)
      return process.takesStep() ? undefined : process.runs();
    return this.#send(name, ms, weather);
  }

  async #send(name: string, ms: number, weather: readonly StoreWeather[]): Promise<void> {
    const { process, agenda } = this.#options;
    if (ms > 0) await agenda.sleep(ms);
    if (!process.takesStep()) await process.runs();
    if (name === 'COMMIT' && this.freezeInCommit !== null) await this.#freeze(this.freezeInCommit);
    if (weather.length > 0) this.#meet(name, weather);
  }

  async #freeze(freeze: () => void): Promise<void> {
    const { process, tally } = this.#options;
    this.freezeInCommit = null;
    tally.count('frozen inside a transaction');
    freeze();
    await process.runs();
  }

  /** Throws what befalls the statement. */
  #meet(name: string, weather: readonly StoreWeather[]): void {
    const { tally, chance } = this.#options;
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

  answered(name: string): Promise<void> | undefined {
    const { process, chance } = this.#options;
    const weather = this.#weatherOf(name);
    // Most answers come at once; that some take their time is enough to let others in between.
    const ms = weather.length > 0 || chance.happens(SLOW_ANSWERS) ? this.#travelMs(weather) : 0;
    if (ms === 0 && weather.length === 0 && process.isRunning) return undefined;
    return this.#receive(name, ms, weather);
  }

  async #receive(name: string, ms: number, weather: readonly StoreWeather[]): Promise<void> {
    const { process, tally, chance, agenda } = this.#options;
    if (ms > 0) await agenda.sleep(ms);
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
    const all = this.#options.weather;
    if (all.size === 0) return FAIR;
    return [...all].filter(({ only }) => name.startsWith(only));
  }

  #travelMs(weather: readonly StoreWeather[]): number {
    const { chance, meanMs } = this.#options;
    let slowMs = 2 * meanMs;
    for (const each of weather) slowMs = Math.max(slowMs, 2 * meanMs + each.slowMs);
    return slowMs === 0 ? 0 : chance.number() * slowMs;
  }
}
