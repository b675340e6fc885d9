import { isDefect, messageOf } from '../../core/errors.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Hold } from '../../ports/holds.ts';
import type { StoreAdministration } from '../../ports/store.ts';
import type { StoreOverview } from '../../ports/store-overview.ts';
import type { ViewState } from '../../ports/view-rebuild.ts';
import { type LagReading, readLag } from './lag.ts';

/** A part that was read, or why it could not be read. */
export type Part<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly code: string; readonly reason: string };

/** What log and store tell of the whole pipeline, whichever instances run. */
export interface SharedStatus {
  readonly atMs: number;
  readonly log: Part<LagReading>;
  readonly store: Part<StoredStatus>;
}

export interface StoredStatus extends StoreOverview {
  readonly storeId: string;
  readonly checkpoints: readonly Checkpoint[];
  /** What operators have paused, the oldest first. */
  readonly holds: readonly Hold[];
  /** Null if it was not read. */
  readonly view: RecordOfView | null;
}

export type RecordOfView = Pick<ViewState, 'awaitedFold' | 'rebuild'>;

export interface SharedStatusParts {
  readonly log: Pick<EventLog, 'partitionCounts' | 'peek'>;
  readonly store: Pick<StoreAdministration, 'checkpoints' | 'readOverview' | 'listHolds' | 'storeId'>;
  /** Resolves with null if the store has no such record. Default: the record is not read. */
  readonly viewState?: () => Promise<RecordOfView | null>;
  readonly topics: readonly string[];
  readonly targets: readonly string[];
  readonly clock: Pick<Clock, 'now' | 'monotonicMs' | 'sleep'>;
  /** The time in which the log may look for the first record of a partition. Default: that of the log. */
  readonly patienceMs?: number;
}

/** All who ask within this time get one answer. */
const FRESH_MS = 1_000;
/** A store or a log that has not answered for this long is reported as silent. */
const DEADLINE_MS = 5_000;

/** Reads the shared status, at most once a second, however many ask. */
export class StatusReader {
  readonly #parts: SharedStatusParts;
  #latest: { readonly beganMs: number; readonly status: Promise<SharedStatus> } | null = null;

  constructor(parts: SharedStatusParts) {
    this.#parts = parts;
  }

  /** Never rejects, except for a defect. Resolves within about 5 s, even if store or log do not answer. */
  read(): Promise<SharedStatus> {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#latest === null || nowMs - this.#latest.beganMs >= FRESH_MS)
      this.#latest = { beganMs: nowMs, status: this.#read() };
    return this.#latest.status;
  }

  async #read(): Promise<SharedStatus> {
    const { log, store, topics, targets, clock, patienceMs, viewState } = this.#parts;
    const checkpoints = this.#part('store', () => store.checkpoints());
    const logPart = checkpoints.then((read) =>
      this.#part('log', async () => {
        if (!read.ok) return { partitions: [], missingTopics: await this.#missingTopics() };
        const patience = patienceMs === undefined ? {} : { patienceMs };
        return readLag({ log, checkpoints: read.value, topics, nowMs: () => clock.now(), ...patience });
      }),
    );
    const storePart = this.#part('store', async () => {
      const overview = await store.readOverview({ targets, nowMs: clock.now() });
      const [holds, storeId] = [await store.listHolds(), await store.storeId()];
      return { ...overview, holds, storeId, view: (await viewState?.()) ?? null };
    });
    // All are awaited together, so that a defect in one never leaves another's rejection without a handler.
    const [read, overview, ofLog] = await Promise.all([checkpoints, storePart, logPart]);
    const stored: Part<StoredStatus> = !read.ok
      ? read
      : overview.ok
        ? { ok: true, value: { ...overview.value, checkpoints: read.value } }
        : overview;
    return { log: ofLog, store: stored, atMs: clock.now() };
  }

  /** Without checkpoints the log can only be compared with the topics that it should have. */
  async #missingTopics(): Promise<string[]> {
    const { log, topics } = this.#parts;
    const counts = await log.partitionCounts(topics);
    return topics.filter((topic) => !counts.has(topic));
  }

  async #part<Value>(what: 'log' | 'store', read: () => Promise<Value>): Promise<Part<Value>> {
    const over = new AbortController();
    const late = this.#parts.clock.sleep(DEADLINE_MS, over.signal).then(
      (): Part<Value> => ({
        ok: false,
        code: `${what}_unreachable`,
        reason: `The ${what} has not answered for ${DEADLINE_MS / 1_000} s.`,
      }),
    );
    try {
      const value = read().then((found): Part<Value> => ({ ok: true, value: found }));
      return await Promise.race([value, late]);
    } catch (error) {
      if (isDefect(error)) throw error;
      const code = (error as { code?: unknown }).code;
      return {
        ok: false,
        code: typeof code === 'string' ? code : `${what}_unreachable`,
        reason: messageOf(error),
      };
    } finally {
      over.abort();
    }
  }
}
