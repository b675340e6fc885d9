import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { closeRoute, openRoutes } from '../../../../src/apps/order-sync/targets/routes.ts';
import { moreTargets } from '../../../../src/apps/order-sync/targets/targets.ts';
import { openEventLog } from '../../../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import { selfSignedCertificate } from '../../../adapters/http-delivery/self-signed.ts';
import { outcomesOf } from '../../../contract/outcomes.ts';

/** Nothing is appended to a topic here, so the store need never be migrated. */
const NO_SENDERS = new Promise<never>(() => {});

const delivery = { deliveryId: 'd-1', entityId: 'A1', version: 1, body: { order_id: 'A1' }, attempt: 1 };

it('openRoutes trusts a target whose authority the settings name, and no other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-targets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const certificate = selfSignedCertificate();
  const server = createServer(certificate, (_, response) => response.end('{}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => server.close() && server.closeAllConnections());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/api/orders`;
  writeFileSync(join(folder, 'ca.pem'), certificate.cert);
  writeFileSync(
    join(folder, 'targets.json'),
    JSON.stringify([
      { name: 'trusting', url, caFile: 'ca.pem' },
      { name: 'doubting', url },
    ]),
  );
  const env = {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_TARGET_URL: url,
    ORDER_SYNC_TARGET_CA_FILE: join(folder, 'ca.pem'),
    ORDER_SYNC_TARGETS_FILE: join(folder, 'targets.json'),
  };
  const { values } = loadSettings('order-sync', { env });
  const log = await openEventLog(values, systemClock, () => {}, { clientId: 'test' });
  onTestFinished(() => log.close());
  const found: Record<string, unknown> = {};
  for (const { target } of openRoutes(values, moreTargets(values), {
    clock: systemClock,
    logger: () => {},
    log,
    senders: NO_SENDERS,
  })) {
    const [outcome] = await outcomesOf(target, [delivery], new AbortController().signal);
    found[target.name] = outcome?.error;
    await target.close();
  }
  expect(found).toEqual({
    'order-mgt': null,
    trusting: null,
    doubting: expect.stringContaining('certificate is self-signed'),
  });
});

it('openRoutes sweeps each HTTP target as often as its own entry says, or else as the settings say', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-targets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const url = 'http://127.0.0.1:1/api/orders';
  writeFileSync(
    join(folder, 'targets.json'),
    JSON.stringify([
      { name: 'own', url, reconcileEveryMs: 5_000 },
      { name: 'never', url, reconcileEveryMs: 0 },
      { name: 'as-all', url },
      { name: 'topic', topic: 'states' },
    ]),
  );
  const sweepsWith = async (env: Record<string, string>) => {
    const { values } = loadSettings('order-sync', {
      env: {
        TRIBUTARY_DATA_DIR: folder,
        ORDER_SYNC_TARGETS_FILE: join(folder, 'targets.json'),
        ORDER_SYNC_REDRIVE_RATE: '7',
        ...env,
      },
    });
    const log = await openEventLog(values, systemClock, () => {}, { clientId: 'test' });
    const routes = openRoutes(values, moreTargets(values), {
      clock: systemClock,
      logger: () => {},
      log,
      senders: NO_SENDERS,
    });
    await Promise.all(routes.map(closeRoute));
    await log.close();
    for (const { sweep } of routes) expect(sweep?.perSecond ?? 7).toBe(7);
    return Object.fromEntries(routes.map(({ target, sweep }) => [target.name, sweep?.everyMs ?? null]));
  };
  const own = { own: 5_000, never: null, topic: null };
  const hourMs = 3_600_000;
  expect(await sweepsWith({})).toEqual({ ...own, 'order-mgt': hourMs, 'as-all': hourMs });
  expect(await sweepsWith({ ORDER_SYNC_RECONCILE_EVERY_MS: '10m' })).toEqual({
    ...own,
    'order-mgt': 600_000,
    'as-all': 600_000,
  });
  expect(await sweepsWith({ ORDER_SYNC_RECONCILE_EVERY_MS: '0' })).toEqual({
    ...own,
    'order-mgt': null,
    'as-all': null,
  });
});
