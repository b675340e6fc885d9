/** Asks order-sync how far behind it is, by command and over HTTP, and compares each answer with what the check knows. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { RunningCheck } from '../lib/command.ts';

/** What the check knows about one partition at a moment. Times are by the clock of the check. */
export interface Expected {
  /** As in `order_events/0`. */
  readonly name: string;
  /** The timestamp of the oldest record that is not journaled; null if everything that can be read is journaled. */
  readonly oldestMs: number | null;
  readonly clock?: 'create' | 'log_append';
  readonly isHalted?: boolean;
  /** The open transaction; left out if there is none. */
  readonly transaction?: {
    readonly records: number;
    readonly sinceMs: number;
    readonly transactionalId: string;
  };
}

interface PartitionAnswer {
  readonly name: string;
  readonly lagMessages: number | null;
  readonly lagSeconds: number | null;
  readonly lagClock: string | null;
  readonly haltReason: string | null;
  readonly waitsForTransaction: {
    readonly records: number;
    readonly sinceSeconds: number | null;
    readonly transactionalId: string | null;
  } | null;
}

interface Report {
  readonly verdict: string;
  readonly partitions: readonly PartitionAnswer[];
  readonly outbox: readonly { readonly due: { readonly count: number; readonly isMore: boolean } }[];
}

interface Asked {
  readonly by: 'command' | 'api';
  readonly report: Report;
  readonly fromMs: number;
  readonly toMs: number;
  readonly tookMs: number;
  readonly exitCode: number | null;
}

const repository = join(import.meta.dirname, '..', '..', '..');
const EXIT_CODES: Readonly<Record<string, number>> = { ok: 0, unreachable: 4, needs_attention: 5 };

/** Keeps the figures of all answers. */
export class Answers {
  readonly #check: RunningCheck;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #port: number;
  compared = 0;
  wrong = 0;
  worstErrorSeconds = 0;
  slowestApiMs = 0;
  slowestCommandMs = 0;

  constructor(check: RunningCheck, settings: Readonly<Record<string, string>>, port: number) {
    this.#check = check;
    this.#settings = { ...settings, ORDER_SYNC_PORT: String(port) };
    this.#port = port;
  }

  /** Asks by command and, if order-sync runs, over HTTP too. `verdict` is what both have to say of the whole. */
  async compare(
    point: string,
    expected: readonly Expected[],
    { isRunning, verdict }: { isRunning: boolean; verdict: string },
  ): Promise<void> {
    const answers = [await this.#byCommand(), ...(isRunning ? [await this.#byApi()] : [])];
    for (const asked of answers) {
      const faults = this.#faultsIn(asked, expected, verdict);
      this.compared += expected.length + 1;
      this.wrong += faults.length;
      for (const fault of faults) this.#check.progress(`wrong: ${point}, by ${asked.by}: ${fault}`);
    }
    this.#check.progress(
      `${point}: ${answers.map(({ by, tookMs }) => `${by} ${Math.round(tookMs)} ms`).join(', ')}`,
    );
  }

  /** Asks over HTTP until all partitions are journaled. */
  async isDrained(names: readonly string[]): Promise<boolean> {
    const { report } = await this.#byApi();
    return names.every((name) => report.partitions.find((each) => each.name === name)?.lagMessages === 0);
  }

  /** Asks over HTTP `times` times, more than a second apart, so that each answer is read anew. */
  async measure(times: number, pause: () => Promise<void>): Promise<Report> {
    let last: Report | null = null;
    for (let time = 0; time < times; time++) {
      await pause();
      last = (await this.#byApi()).report;
    }
    if (last === null) throw new Error('Nothing was measured.');
    return last;
  }

  async #byCommand(): Promise<Asked> {
    const script = join(repository, 'src', 'apps', 'order-sync', 'main.ts');
    const fromMs = Date.now();
    const began = performance.now();
    const { stdout, code } = await new Promise<{ stdout: string; code: number | null }>((resolve, reject) => {
      execFile(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', script, 'status', '--json', '--quiet'],
        { env: { ...bareEnvironment(), ...this.#settings } },
        (error, out, err) => {
          const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
          if (out === '') reject(new Error(`The command printed nothing: ${err}`));
          else resolve({ stdout: out, code: exit });
        },
      );
    });
    const tookMs = performance.now() - began;
    this.slowestCommandMs = Math.max(this.slowestCommandMs, tookMs);
    return {
      by: 'command',
      report: JSON.parse(stdout) as Report,
      fromMs,
      toMs: Date.now(),
      tookMs,
      exitCode: code,
    };
  }

  async #byApi(): Promise<Asked> {
    const fromMs = Date.now();
    const began = performance.now();
    const answer = await fetch(`http://127.0.0.1:${this.#port}/api/v1/status`);
    const report = (await answer.json()) as Report;
    const tookMs = performance.now() - began;
    this.slowestApiMs = Math.max(this.slowestApiMs, tookMs);
    return { by: 'api', report, fromMs, toMs: Date.now(), tookMs, exitCode: null };
  }

  #faultsIn(
    { report, fromMs, toMs, exitCode, by }: Asked,
    expected: readonly Expected[],
    verdict: string,
  ): string[] {
    const faults: string[] = [];
    if (report.verdict !== verdict) faults.push(`the verdict is ${report.verdict}, not ${verdict}`);
    if (by === 'command' && exitCode !== EXIT_CODES[report.verdict])
      faults.push(`the exit code is ${exitCode} after the verdict ${report.verdict}`);
    for (const each of expected) {
      const found = report.partitions.find(({ name }) => name === each.name);
      if (found === undefined) faults.push(`${each.name} is missing`);
      else faults.push(...this.#faultsOf(found, each, fromMs, toMs).map((fault) => `${each.name} ${fault}`));
    }
    return faults;
  }

  #faultsOf(found: PartitionAnswer, each: Expected, fromMs: number, toMs: number): string[] {
    const faults: string[] = [];
    const { oldestMs, clock, isHalted = false, transaction } = each;
    if ((found.haltReason !== null) !== isHalted) faults.push(`is ${isHalted ? 'not ' : ''}halted`);
    if (oldestMs === null) {
      if (found.lagSeconds !== 0 || found.lagMessages !== 0)
        faults.push(
          `is ${found.lagSeconds} s and ${found.lagMessages} messages behind, and all is journaled`,
        );
    } else {
      if (found.lagMessages === null || found.lagMessages <= 0)
        faults.push(`is ${found.lagMessages} messages behind`);
      if (clock !== undefined && found.lagClock !== clock) faults.push(`goes by the clock ${found.lagClock}`);
      faults.push(...this.#ageFaults('the lag', found.lagSeconds, oldestMs, fromMs, toMs));
    }
    const wait = found.waitsForTransaction;
    if (transaction === undefined) {
      if (wait !== null) faults.push(`waits for a transaction that is not open: ${JSON.stringify(wait)}`);
      return faults;
    }
    if (wait === null) return [...faults, 'waits for no transaction'];
    if (wait.records !== transaction.records)
      faults.push(`has ${wait.records} records behind the transaction, not ${transaction.records}`);
    if (wait.transactionalId !== transaction.transactionalId)
      faults.push(`names the transaction ${wait.transactionalId}`);
    faults.push(...this.#ageFaults('the transaction', wait.sinceSeconds, transaction.sinceMs, fromMs, toMs));
    return faults;
  }

  /** The age was taken at some moment between the question and the answer. */
  #ageFaults(what: string, seconds: number | null, sinceMs: number, fromMs: number, toMs: number): string[] {
    if (seconds === null) return [`does not know the age of ${what}`];
    const leastSeconds = (fromMs - sinceMs) / 1_000;
    const mostSeconds = (toMs - sinceMs) / 1_000;
    const errorSeconds = Math.max(0, leastSeconds - seconds, seconds - mostSeconds);
    this.worstErrorSeconds = Math.max(this.worstErrorSeconds, errorSeconds);
    return errorSeconds < 1
      ? []
      : [`gives ${what} as ${seconds} s, which is ${errorSeconds.toFixed(1)} s wrong`];
  }
}

function bareEnvironment(): Record<string, string> {
  const own = /^(ORDER_|EVENT_PRODUCER_|TRIBUTARY_|KAFKA_|DATABASE_|PORT$|PAYMENT_TOPIC$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))) as Record<
    string,
    string
  >;
}
