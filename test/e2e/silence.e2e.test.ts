// Runs a real order-sync in situations in which an earlier version refused records or lost states without a line in the
// log. The unit tests test/pipeline/ingest/quarantine-watch.test.ts and test/pipeline/deliver/failure-lines.test.ts
// check how often a line is repeated.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { freePort } from '../services/index.ts';
import { Program, runProgram, type Settings, testFolder, WAITING } from './programs.ts';

/** A target that redirects every request to the same path with a slash at its end, as some frameworks do. */
async function redirectingTarget(): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(307, { location: `http://${request.headers.host}/api/orders/?token=hush` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/orders`;
}

const linesOf = (program: Program) =>
  program.stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: string; msg: string });

it('order-sync reports refused records and a redirecting target, and shows the same counts after a restart', async () => {
  const folder = await testFolder();
  const port = await freePort();
  const settings: Settings = {
    TRIBUTARY_DATA_DIR: folder,
    LOG_LEVEL: 'warn',
    ORDER_SYNC_PORT: String(port),
    ORDER_SYNC_TARGET_URL: await redirectingTarget(),
  };
  const file = join(folder, 'bad.ndjson');
  writeFileSync(file, Array.from({ length: 200 }, (_, index) => `{"orderId":"o${index}"}\n`).join(''));
  await runProgram('event-producer', settings, ['send', file, '--raw']);
  await runProgram('event-producer', settings, ['o', 'order123', 'pa', 'order123']);
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).json();
  const gauges = async () => {
    const { refused } = (await get('/api/v1/pipeline')) as { refused: Record<string, unknown> | null };
    return { quarantined: refused?.quarantined, records: refused?.quarantinedRecords };
  };
  const inStore = {
    quarantined: [{ topic: 'order_events', reason: 'event_type_missing', records: 200 }],
    records: 200,
  };

  const first = new Program('order-sync', settings);
  await vi.waitFor(async () => {
    const messages = linesOf(first).map(({ msg }) => msg);
    const refused = messages.filter((msg) => msg.includes('refused and put into quarantine'));
    const said = refused.reduce((sum, msg) => sum + Number(/^(\d+) records/.exec(msg)?.[1] ?? 1), 0);
    expect(said).toBeGreaterThan(0);
    expect(refused[0]).toMatch(
      /of order_events for event_type_missing \(as at order_events\/\d offset \d+: /,
    );
    expect(refused[0]).toContain('order-sync quarantine');
    const redirected = messages.find((msg) => msg.includes('it has not taken any state yet'));
    expect(redirected).toContain('answered 307 Temporary Redirect to http://127.0.0.1:');
    expect(redirected).toContain('/api/orders/; redirects are not followed');
    expect(redirected).toContain('Set ORDER_SYNC_TARGET_URL');
    expect(redirected).toContain('order "order123" version 2');
    expect(redirected).not.toContain('hush');
    expect(await gauges()).toEqual(inStore);
  }, WAITING);
  expect(((await get('/readyz')) as { warnings: string[] }).warnings).toContain(
    'Quarantine holds 200 records: see order-sync quarantine.',
  );
  expect(await first.stop()).toBe(143);
  // order-sync logs one line per minute. When it stops, it logs the records that no line has counted yet.
  const counts = linesOf(first).map(({ msg }) => Number(/^(\d+) records were refused/.exec(msg)?.[1] ?? 0));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);

  const second = new Program('order-sync', settings);
  await vi.waitFor(async () => expect(await gauges()).toEqual(inStore), WAITING);
  expect(linesOf(second).map(({ msg }) => msg)).toContainEqual(
    expect.stringContaining(
      'Quarantine holds 200 records from before this start: 200 of order_events for event_type_missing',
    ),
  );
  expect(await second.stop()).toBe(143);
}, 300_000);
