import type { View, ViewValue } from '../core/domain.ts';
import type { DeliveryTarget } from '../ports/delivery-target.ts';
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
}

/** The routes as ingest knows them. */
export function dueTargetsOf(
  routes: readonly TargetRoute[],
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
  parts: Pick<DeliverOptions, 'view' | 'store' | 'clock' | 'logger'>,
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
