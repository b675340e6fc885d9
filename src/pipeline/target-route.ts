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

/** One target, the states that are for it, and its pace. Each target has its own loops and its own breaker. */
export interface TargetRoute {
  readonly target: DeliveryTarget;
  /**
   * Whether a ready state is for this target, by the view's columns; null for all ready states. It is asked when a state
   * is journaled, so a changed filter applies to states that change afterwards.
   */
  readonly qualifies: ((body: Readonly<Record<string, ViewValue>>) => boolean) | null;
  /**
   * Whether the target was there when the store was set up and takes every ready state, so that its ledger has every entity
   * that is ready. Of a target that was added later nobody knows which states became due before. Default: false.
   */
  readonly isFromBeginning?: boolean;
  /** Defaults: `DEFAULT_PACE`. */
  readonly pace?: Partial<Omit<Pace, 'breaker'>> & { readonly breaker?: Partial<BreakerOptions> };
  /** How the target is swept. Without it, the target is never swept. */
  readonly sweep?: { readonly holdings: TargetHoldings } & Pick<SweeperOptions, 'everyMs' | 'perSecond'>;
}

/** Makes the description of the routes that ingest needs. */
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

/** The names of the targets that were there when the store was set up. */
export function fromBeginning(
  routes: readonly (Pick<TargetRoute, 'isFromBeginning'> & {
    readonly target: Pick<DeliveryTarget, 'name'>;
  })[],
): ReadonlySet<string> {
  return new Set(routes.flatMap(({ target, isFromBeginning }) => (isFromBeginning ? [target.name] : [])));
}

/** Makes the delivery for the route's target. It is not started. */
export function deliverOn(
  { target, pace = {} }: TargetRoute,
  parts: Pick<DeliverOptions, 'view' | 'store' | 'clock' | 'logger' | 'words' | 'defects' | 'meters'>,
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

/** `isComparable`: whether the rows are those that were delivered, and have the program's columns. */
export interface ViewOfSweeps {
  readonly epoch: number;
  readonly isComparable: boolean;
}

/** Makes the sweeper for the route's target, which `deliver` sends to. It is not started. Null if there are no sweeps. */
export function sweeperOn(
  { target, sweep }: TargetRoute,
  deliver: Pick<Deliver, 'status' | 'wake'>,
  parts: Pick<SweeperOptions, 'store' | 'clock' | 'logger' | 'words' | 'defects' | 'untilCaughtUp'> & {
    /** Knows whether the view's rows can be compared with a target. */
    readonly view?: ViewOfSweeps;
  },
): Sweeper | null {
  if (sweep === undefined) return null;
  const { view, ...rest } = parts;
  return new Sweeper({
    ...rest,
    ...(view === undefined ? {} : { viewEpoch: () => view.epoch }),
    ...sweep,
    target: target.name,
    isShut() {
      const { breaker, isPaused } = deliver.status();
      return isPaused || breaker === 'open' || breaker === 'disabled' || view?.isComparable === false;
    },
    onMadeDue: () => deliver.wake(),
  });
}
