import { orders } from '../../orders/index.ts';
import type { Clock } from '../../ports/clock.ts';
import type { OpenedStore, Store } from '../../ports/store.ts';
import type { OrderSyncSettings } from './order-sync.ts';
import { moreTargets, TARGET } from './targets/targets.ts';

/** The store that can write rows, for a command that has read from the store before, so that its schema exists already. */
export async function migratedStore(
  opened: OpenedStore,
  settings: OrderSyncSettings,
  clock: Clock,
): Promise<Store> {
  const { table, keyColumn, columns } = orders.view;
  const targets = [TARGET, ...moreTargets(settings).map(({ name }) => name)];
  const view = { table, keyColumn, columns };
  const { store } = await opened.migrate({ view, targets, adopt: null, nowMs: clock.now() });
  return store;
}
