/** Asks the programs' /readyz twice a second, and records every change of the answers. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface ReadyzLine {
  readonly program: string;
  /** The seconds since the fault began; negative before it. */
  readonly second: number;
  readonly state: 'green' | 'red' | 'no answer';
  /** The reason in a red answer. */
  readonly reason: string;
}

/** A program whose /readyz is asked while it is meant to run. */
export interface Asked {
  readonly label: string;
  readonly port: number;
  readonly isRunning: boolean;
}

interface Answer {
  readonly atMs: number;
  readonly program: string;
  readonly state: ReadyzLine['state'];
  readonly reason: string;
}

const POLL_MS = 500;
const PATIENCE_MS = 3_000;

export class ReadyzWatch {
  readonly #programs: () => readonly Asked[];
  readonly #say: (line: string) => void;
  readonly #changes: Answer[] = [];
  readonly #last = new Map<string, Answer>();
  readonly #asking = new Set<string>();
  readonly #stop = new AbortController();
  #originMs = performance.now();
  #running: Promise<void> = Promise.resolve();

  constructor(programs: () => readonly Asked[], say: (line: string) => void) {
    this.#programs = programs;
    this.#say = say;
  }

  start(): void {
    this.#running = this.#watch();
  }

  /** Sets the moment at which the seconds begin. */
  setOrigin(atMs: number): void {
    this.#originMs = atMs;
  }

  /** Returns the changes so far. They leave out programs that did not run. */
  lines(): ReadyzLine[] {
    return this.#changes.map((change) => ({
      program: change.program,
      second: Math.round((change.atMs - this.#originMs) / 100) / 10,
      state: change.state,
      reason: change.reason,
    }));
  }

  /** Tells whether a program answered red, with a reason, between the two moments. */
  wasRed(fromMs: number, toMs: number): boolean {
    for (const program of this.#last.keys()) {
      const own = this.#changes.filter((change) => change.program === program);
      for (const [index, change] of own.entries()) {
        const untilMs = own[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
        const isRed = change.state === 'red' && change.reason !== '';
        if (isRed && change.atMs <= toMs && untilMs >= fromMs) return true;
      }
    }
    return false;
  }

  /** Returns the longest time between the two moments for which one program stayed green. */
  longestGreenMs(fromMs: number, toMs: number): number {
    let longestMs = 0;
    for (const program of this.#last.keys()) {
      const own = this.#changes.filter((change) => change.program === program);
      for (const [index, { state, atMs }] of own.entries()) {
        if (state !== 'green') continue;
        const untilMs = Math.min(toMs, own[index + 1]?.atMs ?? toMs);
        longestMs = Math.max(longestMs, untilMs - Math.max(fromMs, atMs));
      }
    }
    return longestMs;
  }

  /** Returns the running programs that are not green. */
  notGreen(): string[] {
    return this.#programs()
      .filter(({ isRunning }) => isRunning)
      .map(({ label }) => label)
      .filter((label) => this.#last.get(label)?.state !== 'green');
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      for (const program of this.#programs()) {
        if (!program.isRunning || this.#asking.has(program.label)) continue;
        this.#asking.add(program.label);
        // All programs are asked at the same time, so a program that does not answer delays no other.
        void this.#ask(program).finally(() => this.#asking.delete(program.label));
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #ask({ label, port }: Asked): Promise<void> {
    const atMs = performance.now();
    const answer = await readyzOf(port);
    if (this.#stop.signal.aborted) return;
    const last = this.#last.get(label);
    const change: Answer = { atMs, program: label, ...answer };
    this.#last.set(label, change);
    if (last?.state === answer.state && wordsOf(last.reason) === wordsOf(answer.reason)) return;
    this.#changes.push(change);
    const second = ((atMs - this.#originMs) / 1_000).toFixed(1);
    this.#say(
      `/readyz of ${label} at ${second} s: ${answer.state}${answer.reason === '' ? '' : `: ${answer.reason}`}`,
    );
  }
}

/** Replaces the numbers of a reason, so that a reason that counts seconds stays the same. */
function wordsOf(reason: string): string {
  return reason.replace(/\d+/g, '0');
}

async function readyzOf(port: number): Promise<{ state: ReadyzLine['state']; reason: string }> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal });
    const body = (await answer.json()) as { detail?: unknown };
    if (answer.ok) return { state: 'green', reason: '' };
    return { state: 'red', reason: typeof body.detail === 'string' ? body.detail : '' };
  } catch {
    return { state: 'no answer', reason: '' };
  }
}
