import { messageOf } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { DeliverOptions } from './options.ts';

type Ledger = DeliverOptions['store'];

const LOOK_EVERY_MS = 1_000;
/** So many looks without an answer, or with failures alone, are reported: 15 seconds. */
const STUCK_LOOKS = 15;

/** The calls of one kind. */
interface Calls {
  readonly name: string;
  /** For each call that is under way, how many looks have seen it. */
  readonly unanswered: Set<{ looks: number }>;
  /** How the last one failed, and how many looks have seen no success since the first that did. */
  failure: string | null;
  failingLooks: number;
}

/**
 * Notices that deliveries to a target stand still because the store does not answer, or refuses, their claims and
 * settlements. It counts its own looks: the time for which this process was stopped is no standstill.
 */
export class LedgerWatch {
  /** The store, whose calls this knows of. */
  readonly store: Ledger;
  readonly #target: string;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #logger: Logger;
  readonly #calls: readonly Calls[];
  #reported: string | null = null;

  constructor(target: string, store: Ledger, clock: Pick<Clock, 'sleep'>, logger: Logger) {
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
      calls.failure = null;
      calls.failingLooks = 0;
      return result;
    } catch (error) {
      calls.failure = messageOf(error);
      throw error;
    } finally {
      calls.unanswered.delete(call);
    }
  }
}

function secondsOf(looks: number): number {
  return Math.round((looks * LOOK_EVERY_MS) / 1_000);
}
