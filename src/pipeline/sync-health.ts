import type { ErrorCode } from '../core/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

export type Health = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** `summary` names only the part that fails, for callers who may not see paths, addresses and messages of servers. */
export type PartsHealth =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string; readonly summary: string };

/**
 * `warnings` are sentences for an operator, although the program works. `notes` are sentences on what an operator has
 * paused. Each is left out if there are none.
 */
export type SyncHealth = PartsHealth & {
  readonly warnings?: readonly string[];
  readonly notes?: readonly string[];
};

/** The health is answered within this time, even if the store does not answer. */
const HEALTH_DEADLINE_MS = 5_000;

const SUMMARIES: Partial<Record<ErrorCode, string>> = {
  log_unreachable: 'event log: not reachable',
  store_unreachable: 'database: not reachable',
  topic_missing: 'event log: a topic is missing',
};

/** Describes a start that waits because of an error with this code; null before the first error. */
export function summaryOf(code: ErrorCode | 'unexpected' | null): string {
  if (code === null) return 'not started';
  return (code === 'unexpected' ? undefined : SUMMARIES[code]) ?? `waiting: ${code}`;
}

export interface PartsOfHealth {
  readonly store: Health;
  readonly ingest: Health;
  readonly deliveries: readonly Health[];
  /** Why the view's table cannot be made again; null if it is there, or can be made. */
  readonly viewTrouble: string | null;
  /** Whether a part stands still because of a defect. */
  readonly defects: Health;
}

export function combinedHealth(parts: PartsOfHealth): PartsHealth {
  const { store, ingest, deliveries, viewTrouble, defects } = parts;
  const reasons = [store, ingest, ...deliveries, defects].flatMap((part) => (part.ok ? [] : [part.reason]));
  if (viewTrouble !== null) reasons.unshift(viewTrouble);
  if (reasons.length === 0) return { ok: true };
  const summary = [
    ...(viewTrouble === null ? [] : ['database: the view is missing']),
    ...(store.ok ? [] : ['database: not reachable']),
    ...(ingest.ok ? [] : ['reading: stands still']),
    ...(deliveries.every((part) => part.ok) ? [] : ['delivery: stands still']),
    ...(defects.ok ? [] : ['program: a defect']),
  ];
  return { ok: false, reason: reasons.join(' '), summary: summary.join('; ') };
}

/** Asks the store for its health. All callers that ask before it answers share one request. */
export class StoreHealth {
  readonly #store: Pick<Store, 'health'>;
  readonly #clock: Pick<Clock, 'sleep'>;
  #asking: Promise<Health> | undefined;

  constructor(store: Pick<Store, 'health'>, clock: Pick<Clock, 'sleep'>) {
    this.#store = store;
    this.#clock = clock;
  }

  async ask(): Promise<Health> {
    this.#asking ??= this.#store.health().finally(() => {
      this.#asking = undefined;
    });
    const over = new AbortController();
    const late = this.#clock.sleep(HEALTH_DEADLINE_MS, over.signal).then(
      (): Health => ({
        ok: false,
        reason: `The store has not answered for ${HEALTH_DEADLINE_MS / 1_000} s.`,
      }),
    );
    try {
      return await Promise.race([this.#asking, late]);
    } finally {
      over.abort();
    }
  }
}
