/** Reads the checkpoint of each partition four times a second, and the orders of the target twice a second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSameRow } from '../lib/comparison.ts';
import { type OrderRow, Tables, targetTables } from '../lib/tables.ts';
import type { Oracle } from '../oracle.ts';
import { Standstills } from './standstill.ts';

const POLL_MS = 250;
const LOOK_MS = 5_000;
const TARGET_EVERY_POLLS = 2;
/** The name of the target in the standstills. Partitions are named `topic/partition`. */
export const TARGET_PART = 'target';

export interface ProgressOptions {
  readonly oracle: Oracle;
  /** Returns the end of the acknowledged records, by `topic/partition`. */
  readonly ends: () => ReadonlyMap<string, bigint>;
  /** Returns the current URL of order-sync's database. */
  readonly source: () => string;
  /** Returns the database with order-mgt's orders; null if there is no order-mgt. */
  readonly target: () => string | null;
}

export class ProgressWatch {
  readonly standstills = new Standstills();
  readonly #options: ProgressOptions;
  readonly #stop = new AbortController();
  #checkpoints: ReadonlyMap<string, bigint> = new Map();
  #target: Tables | null = null;
  #running: Promise<void> = Promise.resolve();
  #looks = 0;
  #wrongOrders: ReadonlySet<string> = new Set();

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#watch();
  }

  /** The number of looks so far. */
  get looks(): number {
    return this.#looks;
  }

  /** Tells whether every checkpoint had reached these ends at the last look. */
  isAt(ends: ReadonlyMap<string, bigint>): boolean {
    return [...ends].every(([place, end]) => (this.#checkpoints.get(place) ?? 0n) >= end);
  }

  /** The orders that the target lacked, or held in another state than the expected one, at the last look. */
  get wrongOrders(): ReadonlySet<string> {
    return this.#wrongOrders;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    let opened = null as { readonly url: string; readonly tables: Tables } | null;
    for (let poll = 0; !signal.aborted; poll++) {
      const url = this.#options.source();
      if (opened?.url !== url) {
        void opened?.tables.close().catch(() => {});
        opened = { url, tables: new Tables(url) };
      }
      const ends = this.#options.ends();
      const checkpoints = await within(LOOK_MS, opened.tables.checkpoints());
      // If the database does not answer, the last checkpoints stay, which counts as no progress.
      if (checkpoints !== null) this.#checkpoints = checkpoints;
      this.#seePartitions(ends);
      if (checkpoints === null) {
        // A connection to a dead server may never report an error, so it is closed without waiting.
        void opened.tables.close().catch(() => {});
        opened = null;
      }
      if (poll % TARGET_EVERY_POLLS === 0) await this.#seeTarget();
      if (checkpoints !== null) this.#looks++;
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
    await within(LOOK_MS, Promise.all([opened?.tables.close(), this.#target?.close()]));
  }

  #seePartitions(ends: ReadonlyMap<string, bigint>): void {
    const atMs = performance.now();
    for (const [place, end] of ends) {
      const next = this.#checkpoints.get(place) ?? 0n;
      this.standstills.see(place, { atMs, mark: String(next), isOwed: next < end });
    }
  }

  async #seeTarget(): Promise<void> {
    const url = this.#options.target();
    if (url === null) return;
    const { oracle } = this.#options;
    const held = new Map<string, OrderRow>();
    this.#target ??= targetTables(url);
    try {
      for await (const row of this.#target.orders()) held.set(row.orderId, row);
    } catch {
      return;
    }
    const wrong = new Set<string>();
    for (const expected of oracle.expectedOrders()) {
      const row = held.get(expected.orderId);
      if (row === undefined ? expected.readyToSend : !isSameRow(row, expected)) wrong.add(expected.orderId);
    }
    let versions = 0;
    for (const { version } of held.values()) versions += version;
    this.#wrongOrders = wrong;
    this.standstills.see(TARGET_PART, {
      atMs: performance.now(),
      mark: `${held.size} ${versions}`,
      isOwed: wrong.size > 0,
    });
  }
}

/** Returns the result of the work, or null if it fails or takes longer than `ms`. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | null> {
  const over = new AbortController();
  const late = sleep(ms, null, { signal: over.signal }).catch(() => null);
  try {
    return await Promise.race([work.catch(() => null), late]);
  } finally {
    over.abort();
  }
}
