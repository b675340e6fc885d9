import { isRetryable } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoredDelivery } from '../../ports/ledger.ts';
import { awaitsRebuild, foldOf } from '../rebuild/view-mode.ts';
import type { AskParts } from './parts.ts';

/**
 * The stages of an event, each of which includes those before.
 *
 * - `journaled`: it is in the journal.
 * - `projected`: the entity's row shows it. That is so in the same transaction, unless the entity is parked, waits for a
 *   rebuild or has lost its row.
 * - `delivered`: every target has accepted a state that is at least as new, or none was due to it.
 */
export const STAGES = ['journaled', 'projected', 'delivered'] as const;
export type Stage = (typeof STAGES)[number];

export interface StageSearch {
  readonly entityId: string;
  readonly eventId: string;
  readonly stage: Stage;
}

/** How far an event has come. Stages behind the one that is asked for are not looked at. */
export interface Reached {
  readonly isReached: boolean;
  /** The version that the entity had with the event; null if the journal does not have it. */
  readonly version: number | null;
  readonly isProjected: boolean;
  /** Why the row does not show a journaled event. */
  readonly obstacle: 'parked' | 'awaits_rebuild' | 'row_behind' | null;
  /** By target: the delivery that a target has yet to accept. */
  readonly owed: readonly StoredDelivery[];
}

type Parts = Pick<AskParts<unknown, unknown>, 'domain' | 'store' | 'targets'> & {
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
};

const LOOK_EVERY_MS = 100;

/**
 * Looks at the store every 100 ms until the event has reached the stage, the time is over, or the signal aborts. Resolves
 * with what the last look found. A look that fails is made again, unless it was the last one. Works for events that any
 * instance journals. The first look searches the journal of the entity, and the others only what came since.
 */
export async function untilReached(
  parts: Parts,
  search: StageSearch,
  { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<Reached> {
  const { clock } = parts;
  const endMs = clock.monotonicMs() + waitMs;
  const watch = new EventWatch(parts, search);
  for (;;) {
    const leftMs = signal.aborted ? 0 : endMs - clock.monotonicMs();
    try {
      const reached = await watch.look();
      if (reached.isReached || leftMs <= 0) return reached;
    } catch (error) {
      if (leftMs <= 0 || !isRetryable(error)) throw error;
    }
    await clock.sleep(Math.min(LOOK_EVERY_MS, Math.max(1, leftMs)), signal);
  }
}

const NOT_JOURNALED: Reached = {
  isReached: false,
  version: null,
  isProjected: false,
  obstacle: null,
  owed: [],
};

/** Remembers what was found, so that each look reads only what is still open. */
class EventWatch {
  readonly #parts: Parts;
  readonly #search: StageSearch;
  /** The version up to which the journal does not have the event. */
  #searched = 0;
  #version: number | null = null;
  readonly #accepted = new Set<string>();

  constructor(parts: Parts, search: StageSearch) {
    this.#parts = parts;
    this.#search = search;
  }

  async look(): Promise<Reached> {
    const { entityId, eventId, stage } = this.#search;
    if (this.#version === null) {
      const found = await this.#parts.store.findEvent({ entityId, eventId, after: this.#searched });
      this.#searched = found.lastVersion;
      this.#version = found.version;
    }
    const version = this.#version;
    if (version === null) return NOT_JOURNALED;
    const journaled = { ...NOT_JOURNALED, version };
    if (stage === 'journaled') return { ...journaled, isReached: true };
    const obstacle = await this.#obstacleTo(version);
    if (obstacle !== null) return { ...journaled, obstacle };
    const projected = { ...journaled, isProjected: true };
    if (stage === 'projected') return { ...projected, isReached: true };
    // The transaction that journaled the event has made its state due, so the deliveries are at least that new.
    const owed = await this.#owedAt(version);
    return { ...projected, isReached: owed.length === 0, owed };
  }

  async #obstacleTo(version: number): Promise<Reached['obstacle']> {
    const { domain, store } = this.#parts;
    const { entityId } = this.#search;
    const row = (await store.readView([entityId])).get(entityId);
    if ((await store.readParked(entityId)) !== null) return 'parked';
    if (awaitsRebuild(await store.viewState(), foldOf(domain))) return 'awaits_rebuild';
    return row === undefined || row.version < version ? 'row_behind' : null;
  }

  async #owedAt(version: number): Promise<StoredDelivery[]> {
    const { store, targets } = this.#parts;
    const owed: StoredDelivery[] = [];
    for (const target of targets) {
      if (this.#accepted.has(target)) continue;
      const delivery = await store.readDelivery(target, this.#search.entityId);
      if (delivery === null || delivery.status === 'delivered' || (delivery.deliveredVersion ?? 0) >= version)
        this.#accepted.add(target);
      else owed.push(delivery);
    }
    return owed;
  }
}
