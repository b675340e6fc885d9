import type { View, ViewValue } from '../../core/domain.ts';
import { messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryOutcome, DeliveryTarget } from '../../ports/delivery-target.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ClaimedDelivery, DeliverySettlement, Store } from '../../ports/store.ts';
import { deliveryIdOf } from '../delivery-id.ts';
import { Gate } from '../gate.ts';

export interface DeliverOptions {
  readonly view: Pick<View<never>, 'keyColumn' | 'columns'>;
  readonly target: DeliveryTarget;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many requests may be under way at once. */
  readonly concurrency: number;
  /** Longer than the target's deadline: a claim that was not settled by then is anybody's. */
  readonly leaseMs: number;
  readonly backoff: Backoff;
  /** After so many attempts at one version it is dead, until somebody decides. */
  readonly maxAttempts: number;
  /** How often to look for what other instances made due. */
  readonly pollMs: number;
  /** How long requests under way may go on after `stop`. */
  readonly stopGraceMs: number;
}

export interface DeliverStatus {
  readonly delivered: number;
  readonly retried: number;
  readonly dead: number;
  readonly inFlight: number;
}

const STORE_BACKOFF: Backoff = { baseMs: 200, capMs: 10_000 };
const CLAIM_LIMIT = 256;
const MAX_RETRY_AFTER_MS = 60 * 60_000;

/**
 * Sends what is due to one target. One delivery's life:
 *
 *   due --> claimed (lease, attempt counted) --> sent --> settled: delivered
 *    ^                                                        |--> due again, after a pause with full jitter
 *    +--- lease over, nobody settled it (a crash) ------------+--> dead
 *
 * Claims and settlements go to the store in batches, each as large as what came up while the last one ran. An
 * entity has one row in the ledger and so one claim: its states arrive in sequence, and the others flow.
 */
export class Deliver {
  readonly #options: DeliverOptions;
  readonly #stopping = new AbortController();
  readonly #cutting = new AbortController();
  readonly #wake = new Gate();
  readonly #finishedOne = new Gate();
  readonly #claimant: string;
  readonly #totals = { delivered: 0, retried: 0, dead: 0 };
  #claims = 0;
  #inFlight = 0;
  #isClaiming = false;
  #finished: DeliverySettlement[] = [];
  #running: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: DeliverOptions) {
    this.#options = options;
    this.#claimant = options.clock.uuid();
  }

  start(): void {
    this.#running ??= Promise.all([this.#claimLoop(), this.#settleLoop()]);
  }

  /** Something may have become due: look now, not at the next poll. */
  wake(): void {
    this.#wake.open();
  }

  status(): DeliverStatus {
    return { ...this.#totals, inFlight: this.#inFlight };
  }

  /** Claims nothing more, lets requests under way finish for a while, settles them. May be called twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { clock, stopGraceMs } = this.#options;
    this.#stopping.abort();
    const done = new AbortController();
    void clock.sleep(stopGraceMs, done.signal).then(() => this.#cutting.abort());
    this.#finishedOne.open();
    await this.#running;
    done.abort();
  }

  async #claimLoop(): Promise<void> {
    const { clock, logger, pollMs } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    this.#isClaiming = true;
    while (!signal.aborted) {
      if (this.#room() === 0) {
        await this.#finishedOne.wait(signal);
        continue;
      }
      // Asked for before the claim, so that what becomes due during it is not slept over.
      const woken = this.#wake.waitFor(pollMs, clock, signal);
      try {
        const claimed = await this.#claim();
        failures = 0;
        if (claimed === 0) await woken;
      } catch (error) {
        failures++;
        logger('warn', `Deliveries paused: ${messageOf(error)}`, { failures });
        await clock.sleep(fullJitterMs(STORE_BACKOFF, failures, clock.random()), signal);
      }
    }
    this.#isClaiming = false;
    this.#finishedOne.open();
  }

  /** Small claims cost as much as large ones: wait until a quarter of the requests are done. */
  #room(): number {
    const free = this.#options.concurrency - this.#inFlight;
    return free * 4 >= this.#options.concurrency ? Math.min(free, CLAIM_LIMIT) : 0;
  }

  async #claim(): Promise<number> {
    const { store, target, clock, leaseMs } = this.#options;
    const claimed = await store.claimDeliveries({
      target: target.name,
      claimant: `${this.#claimant}:${++this.#claims}`,
      limit: this.#room(),
      nowMs: clock.now(),
      leaseMs,
    });
    for (const delivery of claimed) {
      this.#inFlight++;
      void this.#send(delivery);
    }
    return claimed.length;
  }

  async #send(delivery: ClaimedDelivery): Promise<void> {
    const { target, clock } = this.#options;
    const deliveryId = deliveryIdOf(delivery.entityId, delivery.version);
    const attemptedAtMs = clock.now();
    const outcome = await target.deliver(
      {
        deliveryId,
        entityId: delivery.entityId,
        version: delivery.version,
        body: this.#body(delivery),
        attempt: delivery.attempt,
      },
      this.#cutting.signal,
    );
    const { verdict, status, latencyMs, answer, error } = outcome;
    const next = this.#next(delivery, outcome);
    this.#finished.push({
      delivery,
      deliveryId,
      attemptedAtMs,
      verdict,
      status,
      latencyMs,
      answer,
      error,
      next,
    });
    this.#finishedOne.open();
  }

  #body(delivery: ClaimedDelivery): Record<string, ViewValue> {
    const { view } = this.#options;
    const body: Record<string, ViewValue> = { [view.keyColumn]: delivery.entityId };
    view.columns.forEach((column, index) => {
      body[column.name] = delivery.row[index] ?? null;
    });
    body.version = delivery.version;
    return body;
  }

  #next(delivery: ClaimedDelivery, outcome: DeliveryOutcome): DeliverySettlement['next'] {
    const { clock, backoff, maxAttempts } = this.#options;
    if (outcome.verdict === 'delivered') return 'delivered';
    if (outcome.verdict === 'park' || outcome.verdict === 'disable' || delivery.attempt >= maxAttempts)
      return 'dead';
    const pause = fullJitterMs(backoff, delivery.attempt, clock.random());
    const asked = Math.min(outcome.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
    return { retryAtMs: clock.now() + Math.max(pause, asked) };
  }

  /** Ends when nothing is claimed any more and all is settled. */
  async #settleLoop(): Promise<void> {
    const { clock, logger } = this.#options;
    let failures = 0;
    for (;;) {
      if (this.#finished.length === 0) {
        if (!this.#isClaiming && this.#inFlight === 0) return;
        await this.#finishedOne.wait();
        continue;
      }
      const batch = this.#finished;
      this.#finished = [];
      try {
        await this.#options.store.settleDeliveries(batch);
        failures = 0;
        this.#count(batch);
      } catch (error) {
        failures++;
        logger('warn', `Attempts could not be recorded: ${messageOf(error)}`, {
          attempts: batch.length,
          failures,
        });
        // The leases end by themselves: when stopping, sending again is cheaper than waiting for a dead store.
        if (this.#stopping.signal.aborted && failures >= 3) this.#inFlight -= batch.length;
        else this.#finished.unshift(...batch);
        await clock.sleep(fullJitterMs(STORE_BACKOFF, failures, clock.random()));
      }
    }
  }

  #count(batch: readonly DeliverySettlement[]): void {
    this.#inFlight -= batch.length;
    for (const { next, delivery, error } of batch) {
      if (next === 'delivered') this.#totals.delivered++;
      else if (next === 'dead') {
        this.#totals.dead++;
        this.#options.logger('warn', `A delivery is parked after ${delivery.attempt} attempts: ${error}`, {
          deliveryId: deliveryIdOf(delivery.entityId, delivery.version),
        });
      } else this.#totals.retried++;
    }
    this.#finishedOne.open();
  }
}
