import { isDefect, messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/store.ts';
import type { Defects } from '../defects.ts';
import { Gate } from '../gate.ts';
import { tellOfDead } from './failure-lines.ts';
import type { DeliverOptions } from './options.ts';

export const STORE_BACKOFF: Backoff = { baseMs: 200, capMs: 10_000 };
/** The most attempts that are recorded in one transaction. */
const SETTLE_LIMIT = 4_096;
/** While more is waiting, attempts are recorded no more often than this: each time costs a wait for the disk. */
const SETTLE_EVERY_MS = 50;
/** When stopping, a store that fails so often is given up. */
const LAST_FAILURES = 3;

/** What the settler has to know of the loop that it works for. */
export interface SettlerContext {
  /** Whether anything can still come to be settled or given back. */
  isMoreToCome(): boolean;
  /** Whether more waits to be sent. */
  isBusy(): boolean;
  /** Something was settled. */
  settled(): void;
  readonly defects: Defects;
  readonly stopping: AbortSignal;
}

/**
 * How claims end in the ledger: the outcomes of calls are recorded, each time as many as came up while the last ones
 * were, and what was claimed and is not sent is given back.
 */
export class Settler {
  readonly totals = { delivered: 0, retried: 0, dead: 0 };
  readonly #options: Pick<DeliverOptions, 'clock' | 'logger' | 'store' | 'target'>;
  readonly #context: SettlerContext;
  readonly #changed = new Gate();
  #finished: DeliverySettlement[] = [];
  #unused: ClaimedDelivery[] = [];
  #beingSettled = 0;
  /** How many attempts go into the next transaction at most. Halved while a defect strikes, to find the one it strikes. */
  #limit = SETTLE_LIMIT;
  /** Attempts that were dropped in a row: if every attempt meets a defect, the recording rests for longer each time. */
  #dropped = 0;
  #restMs = 0;

  constructor(
    options: Pick<DeliverOptions, 'clock' | 'logger' | 'store' | 'target'>,
    context: SettlerContext,
  ) {
    this.#options = options;
    this.#context = context;
  }

  /** Outcomes that are not in the ledger yet. */
  get unsettled(): number {
    return this.#finished.length + this.#beingSettled;
  }

  add(settlement: DeliverySettlement): void {
    this.#finished.push(settlement);
    this.wake();
  }

  giveBack(unused: readonly ClaimedDelivery[]): void {
    if (unused.length === 0) return;
    this.#unused = [...this.#unused, ...unused];
    this.wake();
  }

  /** The loop's state has changed: look again whether there is more to come. */
  wake(): void {
    this.#changed.open();
  }

  /** Ends when nothing can come any more and all is settled. */
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
      const restMs = lastMs + SETTLE_EVERY_MS - clock.monotonicMs();
      if (restMs > 0 && isBusy() && this.#finished.length < SETTLE_LIMIT) await clock.sleep(restMs, stopping);
      lastMs = clock.monotonicMs();
      failures = (await this.#settle(failures)) ? 0 : failures + 1;
      if (this.#restMs > 0) await clock.sleep(this.#restMs, stopping);
      this.#restMs = 0;
      if (failures === 0) continue;
      // Whoever stops waits a little for the store, and not for as long as it has been away.
      const isStopping = stopping.aborted;
      const pauseMs = fullJitterMs(STORE_BACKOFF, isStopping ? 1 : failures, clock.random());
      await clock.sleep(pauseMs, isStopping ? undefined : stopping);
    }
  }

  /** Resolves with whether it could be recorded, after so many failures before. */
  async #settle(failures: number): Promise<boolean> {
    const { logger, store, target } = this.#options;
    const isAll = this.#finished.length <= this.#limit;
    const settlements = isAll ? this.#finished : this.#finished.slice(0, this.#limit);
    this.#finished = isAll ? [] : this.#finished.slice(this.#limit);
    this.#beingSettled = settlements.length;
    try {
      await store.settleDeliveries(settlements);
      this.#limit = Math.min(SETTLE_LIMIT, this.#limit * 2);
      this.#dropped = 0;
    } catch (error) {
      if (isDefect(error)) return this.#isolate(settlements, error);
      logger('warn', `Attempts at ${target.name} could not be recorded: ${messageOf(error)}`, {
        attempts: settlements.length,
        failures: failures + 1,
      });
      this.#beingSettled = 0;
      // The leases end by themselves: when stopping, sending again is cheaper than waiting for a dead store.
      const isGivenUp = this.#context.stopping.aborted && failures + 1 >= LAST_FAILURES;
      this.#finished = isGivenUp ? [] : [...settlements, ...this.#finished];
      return false;
    }
    this.#beingSettled = 0;
    this.#count(settlements);
    return true;
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
      // They are anybody's when their lease ends.
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
    for (const settlement of settlements) {
      if (settlement.next === 'delivered') this.totals.delivered++;
      else if (settlement.next === 'dead') dead.push(settlement);
      else this.totals.retried++;
    }
    this.totals.dead += dead.length;
    tellOfDead(this.#options.logger, dead);
    this.#context.settled();
  }
}
