/** Looks four times a second how far each partition's checkpoint is, and twice a second what the target holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSameRow } from '../lib/comparison.ts';
import { Tables } from '../lib/tables.ts';
import type { Oracle } from '../oracle.ts';
import { Standstills } from './standstill.ts';

const POLL_MS = 250;
const TARGET_EVERY_POLLS = 2;
/** The part of the standstills that is the target; the others are named `topic/partition`. */
export const TARGET_PART = 'target';

export interface ProgressOptions {
  readonly oracle: Oracle;
  /** What the log has acknowledged, by `topic/partition`. */
  readonly ends: () => ReadonlyMap<string, bigint>;
  /** Where order-sync's tables are now. */
  readonly source: () => string;
  /** The SQLite file of order-mgt, or null if the target is not watched. */
  readonly target: () => string | null;
}

export class ProgressWatch {
  readonly standstills = new Standstills();
  readonly #options: ProgressOptions;
  readonly #stop = new AbortController();
  #checkpoints: ReadonlyMap<string, bigint> = new Map();
  #running: Promise<void> = Promise.resolve();
  #isTargetRight = true;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#watch();
  }

  /** Whether every checkpoint was at or behind these ends at the last look. */
  isAt(ends: ReadonlyMap<string, bigint>): boolean {
    return [...ends].every(([place, end]) => (this.#checkpoints.get(place) ?? 0n) >= end);
  }

  /** Whether the target held the last state of every order at the last look. */
  get isTargetRight(): boolean {
    return this.#isTargetRight;
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
      const checkpoints = await opened.tables.checkpoints().catch(() => null);
      // A database that does not answer leaves the last picture: then nothing has moved.
      if (checkpoints !== null) this.#checkpoints = checkpoints;
      this.#seePartitions(ends);
      if (poll % TARGET_EVERY_POLLS === 0) await this.#seeTarget();
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
    await opened?.tables.close().catch(() => {});
  }

  #seePartitions(ends: ReadonlyMap<string, bigint>): void {
    const atMs = performance.now();
    for (const [place, end] of ends) {
      const next = this.#checkpoints.get(place) ?? 0n;
      this.standstills.see(place, { atMs, mark: String(next), isOwed: next < end });
    }
  }

  async #seeTarget(): Promise<void> {
    const file = this.#options.target();
    if (file === null) return;
    const held = new Map<string, { readonly version: number; readonly isRight: boolean }>();
    const tables = new Tables(`sqlite:${file}`);
    try {
      for await (const row of tables.orders()) {
        const expected = this.#options.oracle.expectedOrder(row.orderId);
        const isRight = expected !== undefined && isSameRow(row, expected);
        held.set(row.orderId, { version: row.version, isRight });
      }
    } catch {
      return;
    } finally {
      await tables.close();
    }
    let isRight = true;
    let versions = 0;
    for (const { version } of held.values()) versions += version;
    for (const expected of this.#options.oracle.expectedOrders()) {
      const found = held.get(expected.orderId);
      if (found === undefined ? expected.readyToSend : !found.isRight) isRight = false;
    }
    this.#isTargetRight = isRight;
    this.standstills.see(TARGET_PART, {
      atMs: performance.now(),
      mark: `${held.size} ${versions}`,
      isOwed: !isRight,
    });
  }
}
