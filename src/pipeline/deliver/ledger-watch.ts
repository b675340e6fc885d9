import { messageOf } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { DeliverOptions } from './options.ts';

type Ledger = DeliverOptions['store'];

const LOOK_EVERY_MS = 1_000;
/** After this many looks (15 s) without an answer, or without a success, the watch reports it. */
const STUCK_LOOKS = 15;

/** The calls of one method of the store. */
interface Calls {
  readonly name: string;
  /** For each call that is under way, the number of looks that have seen it. */
  readonly unanswered: Set<{ looks: number }>;
  /** The message of the last failure, if no call has succeeded since; else null. */
  failure: string | null;
  /** The number of looks since the first failure after the last success. */
  failingLooks: number;
}

/**
 * Notices that deliveries to a target stand still, because the store does not answer their claims and settlements, or
 * refuses them. It counts its own looks, so that the time for which the process was stopped does not count.
 */
export class LedgerWatch {
  /** The store, with its calls followed by this watch. */
  readonly store: Ledger;
  readonly #target: string;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #logger: Logger;
  readonly #calls: readonly Calls[];
  /** The calls that are not made while the target is on hold. */
  readonly #restingCalls: readonly Calls[];
  readonly #isHeld: () => boolean;
  #reported: string | null = null;

  /** `isHeld` tells whether an operator has paused the target. */
  constructor(
    target: string,
    store: Ledger,
    clock: Pick<Clock, 'sleep'>,
    logger: Logger,
    isHeld: () => boolean = () => false,
  ) {
    this.#target = target;
    this.#clock = clock;
    this.#logger = logger;
    const callsOf = (name: string): Calls => ({
      name,
      unanswered: new Set(),
      failure: null,
      failingLooks: 0,
    });
    const claims = callsOf('a claim');
    const settlements = callsOf('the recording of attempts');
    const releases = callsOf('the giving back of claims');
    this.#calls = [claims, settlements, releases];
    this.#restingCalls = [claims, releases];
    this.#isHeld = isHeld;
    this.store = {
      claimDeliveries: (request) => this.#follow(claims, store.claimDeliveries(request)),
      settleDeliveries: (settled) => this.#follow(settlements, store.settleDeliveries(settled)),
      renewDeliveries: (held, leaseMs) => store.renewDeliveries(held, leaseMs),
      releaseDeliveries: (unused) => this.#follow(releases, store.releaseDeliveries(unused)),
    };
  }

  /** Looks every second, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(LOOK_EVERY_MS, signal);
      if (!signal.aborted) this.look();
    }
  }

  look(): void {
    // A failure from before the pause would stay, because no call follows that could succeed.
    if (this.#isHeld()) for (const calls of this.#restingCalls) forgive(calls);
    for (const calls of this.#calls) {
      for (const call of calls.unanswered) call.looks++;
      if (calls.failure !== null) calls.failingLooks++;
    }
    const problem = this.problem();
    if (problem !== null && this.#reported === null) this.#logger('warn', problem);
    if (problem === null && this.#reported !== null)
      this.#logger('info', `The store answers for deliveries to ${this.#target} again`);
    this.#reported = problem;
  }

  /** Why deliveries stand still, in one sentence; null while the store answers. */
  problem(): string | null {
    for (const { name, unanswered, failure, failingLooks } of this.#calls) {
      const looks = Math.max(0, ...[...unanswered].map((call) => call.looks));
      const deliveries = `Deliveries to ${this.#target} stand still`;
      if (looks >= STUCK_LOOKS)
        return `${deliveries}: the store has not answered ${name} for ${secondsOf(looks)} s`;
      if (failure !== null && failingLooks >= STUCK_LOOKS)
        return `${deliveries}: ${name} has failed for ${secondsOf(failingLooks)} s: ${failure}`;
    }
    return null;
  }

  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    const reason = this.problem();
    return reason === null ? { ok: true } : { ok: false, reason };
  }

  async #follow<Answer>(calls: Calls, answer: Promise<Answer>): Promise<Answer> {
    const call = { looks: 0 };
    calls.unanswered.add(call);
    try {
      const result = await answer;
      forgive(calls);
      return result;
    } catch (error) {
      calls.failure = messageOf(error);
      throw error;
    } finally {
      calls.unanswered.delete(call);
    }
  }
}

function forgive(calls: Calls): void {
  calls.failure = null;
  calls.failingLooks = 0;
}

function secondsOf(looks: number): number {
  return Math.round((looks * LOOK_EVERY_MS) / 1_000);
}
