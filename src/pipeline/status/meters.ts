import type { Clock } from '../../ports/clock.ts';
import { type LatencyCounts, type LatencyStatus, LatencyWindow } from './latency-window.ts';
import { RateWindow } from './rate-window.ts';

/** What the meters need to know of committed records. */
export interface MeteredPiece {
  readonly topic: string;
  /** The timestamps of the first and the last record. */
  readonly timestampMs: number;
  readonly lastTimestampMs: number;
  readonly consumed: number;
  readonly events: readonly { readonly eventType: string; readonly entityId: string }[];
  readonly rejected: { readonly length: number };
}

/** What the meters need to know of an accepted delivery. */
export interface MeteredDelivery {
  readonly entityId: string;
  readonly dueSinceMs: number;
}

/** What flows through this instance. The counts and the `totals` begin at the start of the program and only rise. */
export interface MetersStatus {
  /** Records that are in the journal or in quarantine. The type of records in quarantine is null. */
  readonly consumed: readonly ConsumedCount[];
  /** States that became due to a target. */
  readonly statesDue: number;
  /** Records a second. */
  readonly perSecond: { readonly last10Seconds: number; readonly lastMinute: number };
  /** From the timestamp of a record to the commit that journals it. */
  readonly journaled: LatencyStatus;
  /**
   * From the timestamp of the last record of an entity to the acceptance of its state by a target. Where this instance has
   * not journaled that record lately, from the moment at which the state became due.
   */
  readonly delivered: LatencyStatus;
}

/** The latencies since the start, for the quantiles between two moments. */
export interface MeteredLatencies {
  readonly journaled: LatencyCounts;
  readonly delivered: LatencyCounts;
}

export interface ConsumedCount {
  readonly topic: string;
  readonly type: string | null;
  readonly records: number;
}

/** The timestamps of this many entities are remembered until their states are delivered. */
const REMEMBERED_MAX = 32_768;

/**
 * Measures what flows through this instance: records by topic and type, records a second, and how long records and states
 * take. It counts once for each piece of up to 250 records, or in one short loop over them.
 */
export class Meters {
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly #delivers: boolean;
  readonly #journaled = new LatencyWindow();
  readonly #delivered = new LatencyWindow();
  readonly #rate = new RateWindow();
  readonly #counts = new Map<string, Map<string | null, { records: number }>>();
  #statesDue = 0;
  /** By entity: the timestamp of its latest record. Two maps, of which the older one is dropped when the other is full. */
  #arrivals = new Map<string, number>();
  #olderArrivals = new Map<string, number>();

  /** `delivers`: whether this instance delivers, so that arrivals are worth remembering. Default: true. */
  constructor(clock: Pick<Clock, 'now' | 'monotonicMs'>, { delivers = true }: { delivers?: boolean } = {}) {
    this.#clock = clock;
    this.#delivers = delivers;
  }

  /** A transaction has committed these pieces, and made this number of states due. */
  committed(pieces: readonly MeteredPiece[], statesDue: number): void {
    this.#statesDue += statesDue;
    const nowMs = this.#clock.now();
    const monotonicMs = this.#clock.monotonicMs();
    for (const piece of pieces) {
      const { consumed, timestampMs, lastTimestampMs } = piece;
      if (consumed === 0) continue;
      this.#rate.add(consumed, monotonicMs);
      this.#journaled.addSpread(nowMs - timestampMs, nowMs - lastTimestampMs, consumed, monotonicMs);
      this.#count(piece);
      if (statesDue > 0 && this.#delivers) this.#remember(piece);
    }
  }

  /** A target has accepted these states. */
  delivered(deliveries: readonly MeteredDelivery[]): void {
    const nowMs = this.#clock.now();
    const monotonicMs = this.#clock.monotonicMs();
    for (const { entityId, dueSinceMs } of deliveries)
      this.#delivered.add(nowMs - (this.#arrivalOf(entityId) ?? dueSinceMs), 1, monotonicMs);
  }

  status(): MetersStatus {
    const nowMs = this.#clock.monotonicMs();
    return {
      consumed: [...this.#counts].flatMap(([topic, types]) =>
        [...types].map(([type, { records }]) => ({ topic, type, records })),
      ),
      statesDue: this.#statesDue,
      perSecond: {
        last10Seconds: this.#rate.perSecond(10, nowMs),
        lastMinute: this.#rate.perSecond(60, nowMs),
      },
      journaled: this.#journaled.status(nowMs),
      delivered: this.#delivered.status(nowMs),
    };
  }

  latencies(): MeteredLatencies {
    return { journaled: this.#journaled.counts(), delivered: this.#delivered.counts() };
  }

  #count({ topic, events, rejected }: MeteredPiece): void {
    let types = this.#counts.get(topic);
    if (types === undefined) {
      types = new Map();
      this.#counts.set(topic, types);
    }
    let type: string | null = null;
    let counter = { records: 0 };
    for (const { eventType } of events) {
      if (eventType !== type) {
        type = eventType;
        counter = counterOf(types, type);
      }
      counter.records++;
    }
    if (rejected.length > 0) counterOf(types, null).records += rejected.length;
  }

  #remember({ events, lastTimestampMs }: MeteredPiece): void {
    if (this.#arrivals.size + events.length > REMEMBERED_MAX) {
      this.#olderArrivals = this.#arrivals;
      this.#arrivals = new Map();
    }
    for (const { entityId } of events) this.#arrivals.set(entityId, lastTimestampMs);
  }

  /** Forgets the arrival too: what is sent again later is no arrival. */
  #arrivalOf(entityId: string): number | undefined {
    const arrival = this.#arrivals.get(entityId);
    if (arrival !== undefined) this.#arrivals.delete(entityId);
    const older = this.#olderArrivals.get(entityId);
    if (older !== undefined) this.#olderArrivals.delete(entityId);
    return arrival ?? older;
  }
}

function counterOf(types: Map<string | null, { records: number }>, type: string | null): { records: number } {
  const known = types.get(type);
  if (known !== undefined) return known;
  const counter = { records: 0 };
  types.set(type, counter);
  return counter;
}
