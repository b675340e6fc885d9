import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { orders } from '../../../src/orders/index.ts';
import type { Store } from '../../../src/ports/store.ts';
import { timeBy } from '../../adapters/sqlite/harness.ts';
import { claimDue, LEASE_MS, settlement } from '../../contract/store/delivery-helpers.ts';
import { change, commitChanges, SettableClock } from '../../contract/store/fixtures.ts';

export interface Ledger {
  readonly store: Store;
  readonly clock: SettableClock;
  /** The data directory of order-sync. */
  readonly folder: string;
}

/** A store of order-sync. The target refused the first order with 422 and the next ones with 400; it took the last one. */
export async function ledgerOf(ids: readonly string[], target = 'order-mgt'): Promise<Ledger> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-ledger-'));
  const clock = new SettableClock();
  const opened = openSqliteStore({
    file: join(folder, 'order-sync.sqlite'),
    clock,
    time: timeBy(clock),
    targets: [target],
  });
  onTestFinished(async () => {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  });
  const { store } = await opened.migrate({
    view: orders.view,
    targets: [target],
    adopt: null,
    nowMs: clock.now(),
  });
  const row = ['CREATED', 'PAYMENT_AUTHORIZED', null, true];
  const delivery = { hasChanged: true, qualifiesFor: [target] };
  await commitChanges(store, ...ids.map((id) => change(id, 0, { row, delivery })));
  const claim = { target, claimant: 'one', limit: ids.length, leaseMs: LEASE_MS };
  const claimed = await claimDue(store, claim);
  await store.settleDeliveries(
    claimed.map((delivery) => {
      if (delivery.entityId === ids.at(-1)) return settlement(delivery, 'delivered');
      const status = delivery.entityId === ids[0] ? 422 : 400;
      const answer = status === 422 ? '{"detail":"who\u202e?"}' : '';
      return settlement(delivery, 'dead', { status, error: `It answered ${status}.`, answer });
    }),
  );
  return { store, clock, folder };
}
