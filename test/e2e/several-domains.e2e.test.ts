import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { BARE_ENVIRONMENT } from '../helpers/bare-environment.ts';
import { freePort } from '../services/index.ts';
import { testFolder, WAITING } from './programs.ts';

const root = join(import.meta.dirname, '..', '..');
const node = join(root, 'node_modules', 'node', 'bin', 'node');

const SCRIPT = `
import { runSync } from '${root}/src/public/index.ts';
import { shipments } from '${root}/examples/shipment/domain.ts';
import { stockLedger } from '${root}/examples/stock-ledger/domain.ts';

await runSync([stockLedger, shipments], { LOG_LEVEL: 'warn' });
`;

it('runs two domains in one process, each with its own port, store and commands', async () => {
  const folder = await testFolder();
  const script = join(folder, 'sync.ts');
  writeFileSync(script, SCRIPT);
  const port = await freePort();
  const start = (words: readonly string[], settings: Readonly<Record<string, string>> = {}) => {
    const child = spawn(node, [script, ...words], {
      env: {
        ...BARE_ENVIRONMENT,
        TRIBUTARY_DATA_DIR: join(folder, 'data'),
        ORDER_SYNC_PORT: String(port),
        ...settings,
      },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
      child.once('close', (code) => resolve({ code, output })),
    );
    return { child, ended };
  };
  const { child, ended } = start([]);
  const file = join(folder, 'events.jsonl');
  writeFileSync(
    file,
    '{"eventType":"PACKED","shipmentId":"P1","at":"2026-01-01T00:00:00Z","place":"Basel"}\n',
  );
  expect(await start(['shipments', 'publish', file]).ended).toMatchObject({ code: 0 });
  const get = async (number: number, path: string) =>
    JSON.parse(await (await fetch(`http://127.0.0.1:${number}/api/v1/${path}`)).text());
  await vi.waitFor(async () => {
    const { data } = await get(port + 1, 'shipments');
    expect(data).toMatchObject([{ entityId: 'P1', row: { place: 'Basel', delivered: false } }]);
  }, WAITING);
  expect((await get(port, 'articles')).data).toEqual([]);

  expect(await start(['status']).ended).toEqual({
    code: 2,
    output:
      'error: Several domains run here. Name one of them first, as in: stock_ledger status. They are stock_ledger, shipments.\n',
  });
  const listed = await start(['shipments', 'shipments']).ended;
  expect(listed).toEqual({
    code: 0,
    output: '"P1"  version 1  place=Basel scans=0 delivered=false  waits for delivery\n',
  });
  const shared = await start([], { DATABASE_URL: 'mysql://root@localhost/one' }).ended;
  expect(shared).toMatchObject({
    code: 2,
    output: expect.stringContaining('ORDER_SYNC_TABLE_PREFIX={domain}_'),
  });
  child.kill('SIGTERM');
  expect((await ended).code).toBe(143);
});
