import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { moreTargets, openRoutes } from '../../../src/apps/order-sync/targets.ts';
import { openEventLog } from '../../../src/apps/shared/open-log.ts';
import { loadSettings } from '../../../src/apps/shared/settings.ts';
import { selfSignedCertificate } from '../../adapters/http-delivery/self-signed.ts';

const delivery = { deliveryId: 'd-1', entityId: 'A1', version: 1, body: { order_id: 'A1' }, attempt: 1 };

it('believes a target whose authority is named in the settings, and no other', async () => {
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
  })) {
    const [outcome] = await target.deliver([delivery], new AbortController().signal);
    found[target.name] = outcome?.error;
    await target.close();
  }
  expect(found).toEqual({
    'order-mgt': null,
    trusting: null,
    doubting: expect.stringContaining('certificate is self-signed'),
  });
});
