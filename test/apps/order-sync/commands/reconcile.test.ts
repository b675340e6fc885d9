import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { reconcileCommand } from '../../../../src/apps/order-sync/commands/reconcile.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { claimDue, LEASE_MS, settlement } from '../../../contract/store/delivery-helpers.ts';
import { change, commitChanges } from '../../../contract/store/fixtures.ts';
import { TestOrderMgt } from '../../order-mgt/fixture.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';
import { ledgerOf } from '../ledger.ts';
import { orderSyncIn } from './command-run.ts';

const reader = makeApiKey('order-sync', ['read']);
const DRY_RUN = ['reconcile', '--dry-run', '--json'];

/** A ledger with one delivered order that an order-mgt with keys does not hold. */
async function lostOrder(env: Record<string, string>, { argv = DRY_RUN, name = 'order-mgt' } = {}) {
  const { folder } = await ledgerOf(['refused', 'lost'], name);
  const { url } = await new TestOrderMgt().start({ apiKeys: reader.entry });
  writeFileSync(join(folder, 'crm.key'), reader.key);
  writeFileSync(
    join(folder, 'targets.json'),
    JSON.stringify([{ name: 'crm', url: `${url}/api/orders`, apiKeyFile: 'crm.key' }]),
  );
  const host = fakeHost(argv, {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_TARGET_URL: `${url}/api/orders`,
    ORDER_SYNC_TARGETS_FILE: join(folder, 'targets.json'),
    LOG_LEVEL: 'error',
    ...env,
  });
  const commands = [reconcileCommand(systemClock)];
  const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples: [], commands }, host);
  return { code, out: host.stdout.text, error: host.stderr.text };
}

describe('order-sync reconcile, at a target that asks for a key', () => {
  it('sends the key of the settings and sees the states that the target holds', async () => {
    const { code, out } = await lostOrder({ ORDER_SYNC_TARGET_API_KEY: reader.key });
    expect(JSON.parse(out)).toMatchObject({ differences: [{ entityId: 'lost', verdict: 'missing' }] });
    expect(code).toBe(5);
  });

  it('sends another target its own key, and not the one of the settings', async () => {
    const argv = [...DRY_RUN, '--target', 'crm'];
    const env = { ORDER_SYNC_TARGET_API_KEY: makeApiKey('x', ['read']).key };
    const { code, out } = await lostOrder(env, { argv, name: 'crm' });
    expect(JSON.parse(out)).toMatchObject({ target: 'crm', differences: [{ verdict: 'missing' }] });
    expect(code).toBe(5);
  });

  it.each([
    [{}, 'It was sent no API key'],
    [{ ORDER_SYNC_TARGET_API_KEY: makeApiKey('x', ['read']).key }, 'The API key does not do'],
  ])('ends with 1 and names the setting for %j', async (env, hint) => {
    const { code, out, error } = await lostOrder(env);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(error).toContain(`${hint}: correct ORDER_SYNC_TARGET_API_KEY`);
    for (const key of Object.values(env)) expect(error).not.toContain(key);
  });
});

describe('order-sync reconcile, at a target that lost states', () => {
  /** The report of a dry run at an order-mgt that holds none of four delivered orders. */
  async function lostOrders(...flags: readonly string[]) {
    const { reconcile, store } = await placeOfLost();
    const decision = { decidedBy: 'ana', reason: 'a test', decidedAtMs: 0 };
    await store.hold({ kind: 'target', target: 'order-mgt' }, decision);
    return reconcile(...flags);
  }

  async function placeOfLost() {
    const { store, folder } = await ledgerOf(['refused', 'z']);
    const ids = ['a', 'b', 'c'];
    const row = ['CREATED', 'PAYMENT_AUTHORIZED', null, true];
    const delivery = { hasChanged: true, qualifiesFor: ['order-mgt'] };
    await commitChanges(store, ...ids.map((id) => change(id, 0, { row, delivery })));
    const claim = { target: 'order-mgt', claimant: 'one', limit: 10, leaseMs: LEASE_MS };
    await store.settleDeliveries((await claimDue(store, claim)).map((each) => settlement(each, 'delivered')));
    const { url } = await new TestOrderMgt().start({});
    const env = { ORDER_SYNC_TARGET_URL: `${url}/api/orders` };
    const reconcile = async (...flags: readonly string[]) => {
      const { code, out, error } = await orderSyncIn(folder, ['reconcile', '--json', ...flags], env);
      return { code, error, report: out === '' ? null : JSON.parse(out) };
    };
    return { store, reconcile };
  }

  it('looks at a paused target in a dry run, and shows each state', async () => {
    const { code, report } = await lostOrders('--dry-run');
    expect(code).toBe(5);
    expect(report).toMatchObject({ complete: true, remaining: 4, healed: 0, dryRun: true });
    expect(report.differences.map(({ entityId }: { entityId: string }) => entityId)).toEqual([
      'a',
      'b',
      'c',
      'z',
    ]);
  });

  it('ends after the number of differences that is asked for, and says so', async () => {
    const { code, report } = await lostOrders('--dry-run', '--limit', '2');
    expect(code).toBe(5);
    expect(report).toMatchObject({ complete: false, remaining: 2 });
  });

  it.each(['0', 'many', '10000000'])('refuses the limit %s', async (limit) => {
    const { code, error, report } = await lostOrders('--dry-run', '--limit', limit);
    expect({ code, report }).toEqual({ code: 2, report: null });
    expect(error).toContain('a whole number from 1 to 9999999');
  });

  it('refuses to send to a paused target', async () => {
    expect(await lostOrders()).toMatchObject({ code: 2, report: null });
  });

  it('ends with 5 if it has healed all that it found, and others may follow', async () => {
    const { reconcile } = await placeOfLost();
    expect(await reconcile('--limit', '1')).toMatchObject({
      code: 5,
      report: { complete: false, healed: 1, remaining: 0 },
    });
    expect(await reconcile()).toMatchObject({ code: 0, report: { complete: true, healed: 3, remaining: 0 } });
  });
});
