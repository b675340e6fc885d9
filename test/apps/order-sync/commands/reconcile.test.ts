import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { reconcileCommand } from '../../../../src/apps/order-sync/commands/reconcile.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { TestOrderMgt } from '../../order-mgt/fixture.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';
import { ledgerOf } from '../ledger.ts';

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
