import type { Clock } from '../../ports/clock.ts';
import type { OpenedStore, Store } from '../../ports/store.ts';
import { domainOf } from '../shared/settings/synced.ts';
import type { OrderSyncSettings } from './open-parts.ts';
import { targetNames } from './targets/targets.ts';

/** The store that can write rows, for a command that has read from the store before, so that its schema exists already. */
export async function migratedStore(
  opened: OpenedStore,
  settings: OrderSyncSettings,
  clock: Clock,
): Promise<Store> {
  const domain = domainOf(settings);
  const { table, keyColumn, columns } = domain.view;
  const targets = targetNames(settings);
  const view = { table, keyColumn, columns };
  const { foldVersion = 1 } = domain;
  const { store } = await opened.migrate({ view, foldVersion, targets, adopt: null, nowMs: clock.now() });
  return store;
}
