import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { entityWords } from '../../../src/core/entity-words.ts';
import { orders } from '../../../src/orders/index.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { Deliver, type DeliverOptions } from '../../../src/pipeline/deliver/deliver.ts';
import { DEFAULT_BREAKER, DEFAULT_PACE, DEFAULT_TIMING } from '../../../src/pipeline/deliver/options.ts';
import type {
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliverySettlement,
} from '../../../src/ports/delivery-claims.ts';
import type {
  DeliveriesSettled,
  Delivery,
  DeliveryOutcome,
  DeliveryTarget,
} from '../../../src/ports/delivery-target.ts';
import type { Logger } from '../../../src/ports/logger.ts';

const STORE_MS = 3;

export const DELIVERED: DeliveryOutcome = {
  verdict: 'delivered',
  status: 200,
  latencyMs: 0,
  answer: '',
  error: null,
  retryAfterMs: null,
};
export const DOWN: DeliveryOutcome = {
  ...DELIVERED,
  verdict: 'retry',
  status: null,
  error: 'Nobody is there.',
};

interface Row {
  readonly entityId: string;
  readonly dueSinceMs: number;
  /** Those that count. */
  attempts: number;
  claimant: string | null;
  isRetry: boolean;
  nextMs: number | null;
  deliveredMs: number | null;
  isDead: boolean;
}

/** A ledger in memory that keeps the promises of the store port. */
export class SimulatedLedger {
  readonly rows = new Map<string, Row>();
  readonly #clock: SeededClock;

  constructor(clock: SeededClock) {
    this.#clock = clock;
  }

  due(...entityIds: string[]): void {
    const nowMs = this.#clock.now();
    for (const entityId of entityIds) {
      const times = { dueSinceMs: nowMs, nextMs: nowMs, deliveredMs: null };
      this.rows.set(entityId, {
        entityId,
        ...times,
        attempts: 0,
        claimant: null,
        isRetry: false,
        isDead: false,
      });
    }
  }

  get undelivered(): Row[] {
    return [...this.rows.values()].filter(({ deliveredMs }) => deliveredMs === null);
  }

  async claimDeliveries(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]> {
    await this.#clock.sleep(STORE_MS);
    const { limit, leaseMs, attempts, target, claimant } = request;
    const nowMs = this.#clock.now();
    const due = [...this.rows.values()]
      .filter(({ nextMs }) => nextMs !== null && nextMs <= nowMs)
      .filter((row) => (attempts === 'later') === row.isRetry)
      .sort((left, right) => Number(left.nextMs) - Number(right.nextMs));
    return due.slice(0, limit).map((row) => {
      row.attempts++;
      row.claimant = claimant;
      row.nextMs = nowMs + leaseMs;
      const { entityId, attempts: attempt, isRetry, dueSinceMs } = row;
      const claim = { target, claimant, entityId, version: 1, row: [true], attempt, isRetry, dueSinceMs };
      return { ...claim, deliveryNumber: null };
    });
  }

  async settleDeliveries(settlements: readonly DeliverySettlement[]): Promise<void> {
    await this.#clock.sleep(STORE_MS);
    for (const { delivery, next } of settlements) {
      const row = this.rows.get(delivery.entityId);
      if (row === undefined || row.claimant !== delivery.claimant) continue;
      row.claimant = null;
      if (typeof next !== 'string' && next.isCounted === false) row.attempts--;
      row.nextMs = typeof next === 'string' ? null : next.retryAtMs;
      row.isRetry = typeof next !== 'string';
      row.isDead = next === 'dead';
      if (next === 'delivered') row.deliveredMs = this.#clock.now();
    }
  }

  async renewDeliveries(): Promise<void> {
    await this.#clock.sleep(STORE_MS);
  }

  async releaseDeliveries(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    await this.#clock.sleep(STORE_MS);
    for (const { entityId, claimant } of deliveries) {
      const row = this.rows.get(entityId);
      if (row === undefined || row.claimant !== claimant) continue;
      row.claimant = null;
      row.attempts--;
      row.nextMs = this.#clock.now();
    }
  }
}

export interface Call {
  readonly atMs: number;
  readonly ids: readonly string[];
  readonly attempts: readonly number[];
}

/** A target that answers with what the test says, after the latency that it says. */
export class SimulatedTarget implements DeliveryTarget {
  readonly name = 'simulated';
  maxDeliveryBatch = 1;
  readonly calls: Call[] = [];
  answer: (delivery: Delivery) => DeliveryOutcome = () => DELIVERED;
  latencyMs: (deliveries: readonly Delivery[]) => number = () => 5;
  underWay = 0;
  mostUnderWay = 0;
  readonly #clock: SeededClock;

  constructor(clock: SeededClock) {
    this.#clock = clock;
  }

  deliver(deliveries: readonly Delivery[], _signal: AbortSignal, settled: DeliveriesSettled): void {
    this.calls.push({
      atMs: this.#clock.monotonicMs(),
      ids: deliveries.map(({ entityId }) => entityId),
      attempts: deliveries.map(({ attempt }) => attempt),
    });
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    void this.#clock.sleep(this.latencyMs(deliveries)).then(() => {
      this.underWay--;
      settled(deliveries.map((delivery) => this.answer(delivery)));
    });
  }

  /** The number of states that were sent in this span of time. */
  sentBetween(fromMs: number, toMs: number): number {
    return this.calls
      .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
      .reduce((sum, { ids }) => sum + ids.length, 0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A delivery loop between such a ledger and target, in which no real time passes. */
export function simulate(seed: number, changes: Partial<DeliverOptions> = {}) {
  const clock = new SeededClock({ seed });
  const ledger = new SimulatedLedger(clock);
  const target = new SimulatedTarget(clock);
  const logged: string[] = [];
  const logger: Logger = (level, message) => logged.push(`${level}: ${message}`);
  const defects = new Defects(clock, logger);
  const deliver = new Deliver({
    words: entityWords(orders),
    ...DEFAULT_PACE,
    ...DEFAULT_TIMING,
    breaker: DEFAULT_BREAKER,
    view: { keyColumn: 'id', columns: [{ name: 'is_ready', type: 'boolean' }] },
    target,
    store: ledger,
    clock,
    logger,
    defects,
    ...changes,
  });
  return {
    clock,
    ledger,
    target,
    logged,
    defects,
    deliver,
    /** Stops the loop, with time going on. */
    async stop(): Promise<void> {
      let isStopped = false;
      const stopped = deliver.stop().then(() => {
        isStopped = true;
      });
      for (let passed = 0; !isStopped && passed < 100; passed++) await clock.advance(1_000);
      await stopped;
    },
  };
}

export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}
