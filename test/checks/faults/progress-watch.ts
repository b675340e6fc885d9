/** Looks four times a second how far each partition's checkpoint is, and twice a second what the target holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSameRow } from '../lib/comparison.ts';
import { type OrderRow, Tables, targetTables } from '../lib/tables.ts';
import type { Oracle } from '../oracle.ts';
import { Standstills } from './standstill.ts';

const POLL_MS = 250;
const LOOK_MS = 5_000;
const TARGET_EVERY_POLLS = 2;
/** The part of the standstills that is the target; the others are named `topic/partition`. */
export const TARGET_PART = 'target';

export interface ProgressOptions {
  readonly oracle: Oracle;
  /** What the log has acknowledged, by `topic/partition`. */
  readonly ends: () => ReadonlyMap<string, bigint>;
  /** Where order-sync's tables are now. */
  readonly source: () => string;
  /** Where order-mgt's orders are, or null if there are none. */
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

  /** How often it has looked so far. */
  get looks(): number {
    return this.#looks;
  }

  /** Whether every checkpoint was at or behind these ends at the last look. */
  isAt(ends: ReadonlyMap<string, bigint>): boolean {
    return [...ends].every(([place, end]) => (this.#checkpoints.get(place) ?? 0n) >= end);
  }

  /** The orders that the target lacked or held in another state than their last at the last look. */
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
      // A database that does not answer leaves the last picture: then nothing has moved.
      if (checkpoints !== null) this.#checkpoints = checkpoints;
      this.#seePartitions(ends);
      if (checkpoints === null) {
        // A connection to a server that died may never say so.
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

/** The result, or null if it takes longer or fails. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | null> {
  const over = new AbortController();
  const late = sleep(ms, null, { signal: over.signal }).catch(() => null);
  try {
    return await Promise.race([work.catch(() => null), late]);
  } finally {
    over.abort();
  }
}
