import { isDefect, messageOf } from '../../core/errors.ts';
import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import type { Defects } from '../defects.ts';
import type { DeliverOptions } from './options.ts';

/** A claim is renewed this many times during its lease. */
const RENEWALS_A_LEASE = 3;

type Group = readonly ClaimedDelivery[];

/**
 * Renews the claims of calls that may take longer than their leases, so that no other instance sends a later state of an
 * entity while an earlier one may still arrive. There is a timer only while there are calls.
 */
export class Renewals {
  readonly #options: Pick<DeliverOptions, 'clock' | 'logger' | 'store' | 'leaseMs' | 'target'>;
  readonly #underWay = new Set<Group>();
  readonly #defects: Defects;
  #over: AbortController | null = null;

  constructor(
    options: Pick<DeliverOptions, 'clock' | 'logger' | 'store' | 'leaseMs' | 'target'>,
    defects: Defects,
  ) {
    this.#options = options;
    this.#defects = defects;
  }

  began(group: Group): void {
    if (this.#options.target.isSlowToEnd !== true) return;
    this.#underWay.add(group);
    if (this.#over !== null) return;
    this.#over = new AbortController();
    void this.#keepRenewing(this.#over.signal);
  }

  ended(group: Group): void {
    if (!this.#underWay.delete(group) || this.#underWay.size > 0) return;
    this.#over?.abort();
    this.#over = null;
  }

  async #keepRenewing(over: AbortSignal): Promise<void> {
    const { clock, logger, store, leaseMs, target } = this.#options;
    for (;;) {
      await clock.sleep(leaseMs / RENEWALS_A_LEASE, over);
      if (over.aborted) return;
      try {
        await store.renewDeliveries([...this.#underWay].flat(), leaseMs);
      } catch (error) {
        if (isDefect(error)) this.#defects.met(`the renewal of claims of ${target.name}`, error);
        else logger('warn', `Claims of ${target.name} could not be renewed: ${messageOf(error)}`);
      }
    }
  }
}
