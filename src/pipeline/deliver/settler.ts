import { isDefect, messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/delivery-claims.ts';
import type { Defects } from '../defects.ts';
import { Gate } from '../gate.ts';
import { tellOfDead } from './failure-lines.ts';
import type { DeliverOptions } from './options.ts';

export const STORE_BACKOFF: Backoff = { baseMs: 200, capMs: 10_000 };
/** The most attempts that are recorded in one transaction. */
const SETTLE_LIMIT = 4_096;
/**
 * Transactions begin at least this far apart, because each waits for the disk: `busy` while more states wait to be sent. If
 * none waits, a newer version of a state may wait for the outcome, so the time is short.
 */
const SETTLE_EVERY_MS = { busy: 150, calm: 20 };
/** If the clock was set by this much or more since an attempt ended, its retry is moved by as much. */
const CLOCK_SET_MS = 1_000;
/** After this many failures in a row during a stop, the rest is not recorded. */
const LAST_FAILURES = 3;

/** The functions of a target's delivery that the settler needs. */
export interface SettlerContext {
  /** Whether more outcomes, or deliveries to be given back, can still come. */
  isMoreToCome(): boolean;
  /** Whether more states wait to be sent. */
  isBusy(): boolean;
  /** Called after attempts were recorded. */
  settled(): void;
  readonly defects: Defects;
  readonly stopping: AbortSignal;
}

/**
 * Ends claims in the ledger. It records the outcomes of calls, each time all that came while the last transaction ran, and
 * it gives back deliveries that were claimed and not sent.
 */
export class Settler {
  readonly totals = { delivered: 0, retried: 0, dead: 0, deadBy: { refused: 0, attempts_exhausted: 0 } };
  readonly #options: Pick<DeliverOptions, 'clock' | 'logger' | 'words' | 'store' | 'target' | 'meters'>;
  readonly #context: SettlerContext;
  readonly #changed = new Gate();
  #finished: DeliverySettlement[] = [];
  /** By how much the clock was ahead of the monotonic one when an attempt ended that is tried again. */
  readonly #aheadMs = new WeakMap<DeliverySettlement, number>();
  #unused: ClaimedDelivery[] = [];
  #beingSettled = 0;
  /** The most attempts in the next transaction. Halved after each defect, to find the attempt that the defect strikes. */
  #limit = SETTLE_LIMIT;
  /** Attempts that were dropped in a row: if every attempt meets a defect, the recording rests for longer each time. */
  #dropped = 0;
  #restMs = 0;

  constructor(
    options: Pick<DeliverOptions, 'clock' | 'logger' | 'words' | 'store' | 'target' | 'meters'>,
    context: SettlerContext,
  ) {
    this.#options = options;
    this.#context = context;
  }

  /** The number of outcomes that are not in the ledger yet. */
  get unsettled(): number {
    return this.#finished.length + this.#beingSettled;
  }

  add(settlement: DeliverySettlement): void {
    if (typeof settlement.next !== 'string') this.#aheadMs.set(settlement, this.#clockAheadMs());
    this.#finished.push(settlement);
    this.wake();
  }

  giveBack(unused: readonly ClaimedDelivery[]): void {
    if (unused.length === 0) return;
    this.#unused = [...this.#unused, ...unused];
    this.wake();
  }

  /** Has the settler look again whether more can come. */
  wake(): void {
    this.#changed.open();
  }

  /** Ends when no more can come, and all is recorded or given up. */
  async run(): Promise<void> {
    const { clock } = this.#options;
    const { stopping, isBusy, isMoreToCome } = this.#context;
    let lastMs = Number.NEGATIVE_INFINITY;
    let failures = 0;
    for (;;) {
      if (this.#unused.length > 0) await this.#release();
      if (this.#finished.length === 0) {
        if (this.#unused.length > 0) continue;
        if (!isMoreToCome()) return;
        await this.#changed.wait();
        continue;
      }
      const restMs = lastMs + SETTLE_EVERY_MS[isBusy() ? 'busy' : 'calm'] - clock.monotonicMs();
      if (restMs > 0 && this.#finished.length < SETTLE_LIMIT) await clock.sleep(restMs, stopping);
      lastMs = clock.monotonicMs();
      failures = (await this.#settle(failures)) ? 0 : failures + 1;
      if (this.#restMs > 0) await clock.sleep(this.#restMs, stopping);
      this.#restMs = 0;
      if (failures === 0) continue;
      // A stop waits for a short time only, however long the store has not answered.
      const isStopping = stopping.aborted;
      const pauseMs = fullJitterMs(STORE_BACKOFF, isStopping ? 1 : failures, clock.random());
      await clock.sleep(pauseMs, isStopping ? undefined : stopping);
    }
  }

  /** Records outcomes, after this many failures in a row. Resolves with false if that failed again. */
  async #settle(failures: number): Promise<boolean> {
    const { logger, store, target } = this.#options;
    const isAll = this.#finished.length <= this.#limit;
    const settlements = isAll ? this.#finished : this.#finished.slice(0, this.#limit);
    this.#finished = isAll ? [] : this.#finished.slice(this.#limit);
    this.#beingSettled = settlements.length;
    try {
      await store.settleDeliveries(this.#byTheClockOfNow(settlements));
      this.#limit = Math.min(SETTLE_LIMIT, this.#limit * 2);
      this.#dropped = 0;
    } catch (error) {
      if (isDefect(error)) return this.#isolate(settlements, error);
      logger('warn', `Attempts at ${target.name} could not be recorded: ${messageOf(error)}`, {
        attempts: settlements.length,
        failures: failures + 1,
      });
      this.#beingSettled = 0;
      // At a stop, sending these states again after their leases costs less than a wait for a store that does not answer.
      const isGivenUp = this.#context.stopping.aborted && failures + 1 >= LAST_FAILURES;
      this.#finished = isGivenUp ? [] : [...settlements, ...this.#finished];
      return false;
    }
    this.#beingSettled = 0;
    this.#count(settlements);
    return true;
  }

  /** The same settlements. Retries come after their pauses, although somebody has set the clock meanwhile. */
  #byTheClockOfNow(settlements: readonly DeliverySettlement[]): readonly DeliverySettlement[] {
    if (settlements.every(({ next }) => typeof next === 'string')) return settlements;
    const aheadMs = this.#clockAheadMs();
    return settlements.map((settlement) => {
      const { next } = settlement;
      const setByMs = aheadMs - (this.#aheadMs.get(settlement) ?? aheadMs);
      if (typeof next === 'string' || Math.abs(setByMs) < CLOCK_SET_MS) return settlement;
      return { ...settlement, next: { ...next, retryAtMs: next.retryAtMs + setByMs } };
    });
  }

  #clockAheadMs(): number {
    const { clock } = this.#options;
    return clock.now() - clock.monotonicMs();
  }

  /**
   * A defect strikes the recording of one of these attempts. Smaller and smaller parts are recorded, until the attempt
   * is alone. It is dropped then: its lease ends, and it is sent again under the same id.
   */
  #isolate(settlements: readonly DeliverySettlement[], error: unknown): true {
    const place = `the recording of attempts at ${this.#options.target.name}`;
    this.#beingSettled = 0;
    this.#limit = Math.max(1, Math.floor(settlements.length / 2));
    if (settlements.length > 1) {
      this.#context.defects.met(place, error);
      this.#finished = [...settlements, ...this.#finished];
    } else this.#restMs = this.#context.defects.rest(place, error, ++this.#dropped);
    if (this.#context.stopping.aborted && this.#dropped >= LAST_FAILURES) this.#finished = [];
    return true;
  }

  async #release(): Promise<void> {
    const { store, logger, target } = this.#options;
    const unused = this.#unused;
    this.#unused = [];
    try {
      await store.releaseDeliveries(unused);
    } catch (error) {
      // Their leases end by themselves.
      if (isDefect(error)) {
        this.#context.defects.met(`the giving back of claims of ${target.name}`, error);
        return;
      }
      logger('warn', `Claims of ${target.name} could not be given back: ${messageOf(error)}`, {
        deliveries: unused.length,
      });
    }
  }

  #count(settlements: readonly DeliverySettlement[]): void {
    const dead: DeliverySettlement[] = [];
    const delivered: ClaimedDelivery[] = [];
    for (const settlement of settlements) {
      if (settlement.next === 'delivered') delivered.push(settlement.delivery);
      else if (settlement.next === 'dead') {
        dead.push(settlement);
        this.totals.deadBy[settlement.verdict === 'park' ? 'refused' : 'attempts_exhausted']++;
      } else this.totals.retried++;
    }
    this.totals.delivered += delivered.length;
    this.totals.dead += dead.length;
    if (delivered.length > 0) this.#options.meters?.delivered(delivered);
    tellOfDead(this.#options.logger, dead, this.#options.words);
    this.#context.settled();
  }
}
