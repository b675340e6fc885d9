import type { DeliveryChange } from '../../ports/commit.ts';
import type { StoredRow } from '../../ports/store.ts';
import { digestOf } from '../reconcile/comparison.ts';

/** The delivery of a changed row. If a target may have the former row under the same version, it is replaced there. */
export function replacing(
  delivery: DeliveryChange,
  entityId: string,
  version: number,
  former: StoredRow,
): DeliveryChange {
  if (former.version !== version) return delivery;
  return { ...delivery, replaces: digestOf([{ entityId, version, row: former.row }]) };
}
