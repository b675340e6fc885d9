import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { adoptCommand } from '../../../../src/apps/order-sync/commands/adopt.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { ORIGINAL_TABLE } from '../../../checks/lib/adopted-rows.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';

vi.mock('../../../../src/orders/index.ts', async (original) => {
  const actual = await original<typeof import('../../../../src/orders/index.ts')>();
  return { ...actual, orders: { ...actual.orders, foldVersion: 7 } };
});

it('order-sync adopt records the fold version of the program that made the rows', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-adopt-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const database = new DatabaseSync(join(folder, 'order-sync.sqlite'));
  onTestFinished(() => database.close());
  database.exec(ORIGINAL_TABLE);
  database.exec("INSERT INTO orders VALUES ('a', 'CREATED', 'PAYMENT_AUTHORIZED', NULL, TRUE)");
  const host = fakeHost(['adopt', '--json'], { TRIBUTARY_DATA_DIR: folder, LOG_LEVEL: 'error' });
  const commands = [adoptCommand(systemClock)];
  const examples = [['order-sync', 'Sync']] as const;
  const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples, commands }, host);
  expect({ code, error: host.stderr.text }).toEqual({ code: 0, error: '' });
  expect(JSON.parse(host.stdout.text)).toMatchObject({ takenOver: true });
  expect(database.prepare('SELECT fold_version FROM view_states').get()).toEqual({ fold_version: 7 });
});
