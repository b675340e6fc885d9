import type { View, ViewValue } from '../core/domain.ts';
import type { DeliveryTarget } from '../ports/delivery-target.ts';
import type { TargetHoldings } from '../ports/target-holdings.ts';
import { Deliver } from './deliver/deliver.ts';
import {
  type BreakerOptions,
  DEFAULT_BREAKER,
  DEFAULT_PACE,
  DEFAULT_TIMING,
  type DeliverOptions,
  type DeliverTiming,
  type Pace,
} from './deliver/options.ts';
import type { DueTarget } from './ingest/options.ts';
import { Sweeper, type SweeperOptions } from './reconcile/sweeper.ts';

/** One target, what it is sent, and how fast. Each has a loop, a breaker and a pace of its own. */
export interface TargetRoute {
  readonly target: DeliveryTarget;
  /**
   * Which of the states that qualify at all are for this target, by the view's columns; null for all of them. Asked
   * when a state is journaled, so that a new answer holds for states that change from then on.
   */
  readonly qualifies: ((body: Readonly<Record<string, ViewValue>>) => boolean) | null;
  /** What is left out is as in `DEFAULT_PACE`. */
  readonly pace?: Partial<Omit<Pace, 'breaker'>> & { readonly breaker?: Partial<BreakerOptions> };
  /** How it is compared with the ledger again and again; never, if it is left out. */
  readonly sweep?: { readonly holdings: TargetHoldings } & Pick<SweeperOptions, 'everyMs' | 'perSecond'>;
}

/** The routes as ingest knows them. */
export function dueTargetsOf(
  routes: readonly (Pick<TargetRoute, 'qualifies'> & { readonly target: Pick<DeliveryTarget, 'name'> })[],
  { columns }: Pick<View<never>, 'columns'>,
): DueTarget[] {
  return routes.map(({ target, qualifies }) => ({
    name: target.name,
    qualifies:
      qualifies === null
        ? null
        : (row) =>
            qualifies(Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null]))),
  }));
}

/** The loop that sends what is due to the route's target; not started. */
export function deliverOn(
  { target, pace = {} }: TargetRoute,
  parts: Pick<DeliverOptions, 'view' | 'store' | 'clock' | 'logger' | 'defects'>,
  timing: Partial<DeliverTiming>,
): Deliver {
  return new Deliver({
    ...parts,
    target,
    ...DEFAULT_TIMING,
    ...timing,
    ...DEFAULT_PACE,
    ...pace,
    breaker: { ...DEFAULT_BREAKER, ...pace.breaker },
  });
}

/** The loop that sweeps the route's target, which `deliver` sends to; not started, and null where there is none. */
export function sweeperOn(
  { target, sweep }: TargetRoute,
  deliver: Pick<Deliver, 'status' | 'wake'>,
  parts: Pick<SweeperOptions, 'store' | 'clock' | 'logger' | 'defects' | 'untilCaughtUp'>,
): Sweeper | null {
  if (sweep === undefined) return null;
  return new Sweeper({
    ...parts,
    ...sweep,
    target: target.name,
    isShut() {
      const { breaker } = deliver.status();
      return breaker === 'open' || breaker === 'disabled';
    },
    onMadeDue: () => deliver.wake(),
  });
}
