import { expect, it, vi } from 'vitest';
import { openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { appendCases } from '../apps/event-producer/inspect-place.ts';
import { freePort } from '../services/index.ts';
import { Program, runProgram, type Settings, testFolder } from './programs.ts';

it("order-sync reads Debezium's outbox from one topic, and takes in what it refused before the setting", async () => {
  const folder = await testFolder();
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock, logger: () => {} });
  await appendCases(log, 'shop', 'debezium-outbox-with-schemas');
  await log.close();
  const port = await freePort();
  const settings: Settings = {
    TRIBUTARY_DATA_DIR: folder,
    LOG_LEVEL: 'error',
    ORDER_TOPIC: 'shop',
    PAYMENT_TOPIC: 'shop',
    ORDER_SYNC_DELIVER: 'false',
    ORDER_SYNC_PORT: String(port),
  };
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}/api/v1${path}`)).json();

  const first = new Program('order-sync', settings);
  await vi.waitFor(async () => expect(await get('/quarantine')).toMatchObject({ data: [{}, {}] }), 60_000);
  expect(await get('/quarantine')).toMatchObject({
    data: [{ reason: 'connect_envelope' }, { reason: 'connect_envelope' }],
  });
  await first.stop();

  const corrected = { ...settings, ORDER_SOURCE: 'debezium-outbox' };
  const second = new Program('order-sync', corrected);
  await vi.waitFor(() => get('/pipeline'), 60_000);
  await runProgram('order-sync', corrected, [
    'quarantine',
    'redrive',
    '--refused-for',
    'connect_envelope',
    '--reason',
    'the source is set',
    '--wait',
  ]);
  expect(await get('/orders/ord-1')).toMatchObject({
    version: 2,
    row: { order_status: 'CREATED', payment_status: 'PAYMENT_AUTHORIZED' },
  });
  expect(await get('/orders/ord-1/events')).toMatchObject({
    data: [
      { eventId: 'b14c46e9-eb62-11f1-aef7-02fc00000001' },
      { eventId: 'b14d0e20-eb62-11f1-aef7-02fc00000001' },
    ],
  });
  await second.stop();
});
