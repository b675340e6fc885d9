import type { ViewRow } from '../../core/domain.ts';
import type { DeliveryChange } from '../../ports/commit.ts';
import type { DueTarget } from './options.ts';

export const UNCHANGED: DeliveryChange = { hasChanged: false, qualifiesFor: [] };
const NOT_READY: DeliveryChange = { hasChanged: true, qualifiesFor: [] };

/** Decides to which targets a changed row is due. */
export class DueRules {
  readonly #targets: readonly DueTarget[];
  readonly #qualifiesForAll: DeliveryChange;
  readonly #isAnyChoosy: boolean;

  constructor(targets: readonly DueTarget[]) {
    this.#targets = targets;
    this.#qualifiesForAll = { hasChanged: true, qualifiesFor: targets.map(({ name }) => name) };
    this.#isAnyChoosy = targets.some(({ qualifies }) => qualifies !== null);
  }

  changed(row: ViewRow, isReady: boolean): DeliveryChange {
    if (!isReady) return NOT_READY;
    if (!this.#isAnyChoosy) return this.#qualifiesForAll;
    const wanting = this.#targets.filter(({ qualifies }) => qualifies === null || qualifies(row));
    return { hasChanged: true, qualifiesFor: wanting.map(({ name }) => name) };
  }
}

export function isSameRow(left: ViewRow, right: ViewRow): boolean {
  return left.every((value, index) => value === right[index]);
}
