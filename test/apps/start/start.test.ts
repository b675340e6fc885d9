import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { runCli } from '../../../src/apps/shared/cli/cli.ts';
import { startCommand } from '../../../src/apps/start/commands/start.ts';
import { fakeHost } from '../shared/cli/fake-host.ts';

/** The settings with which the two programs were started. */
const started = vi.hoisted(() => ({ orderMgt: [] as unknown[], orderSync: [] as unknown[] }));

vi.mock('../../../src/apps/order-mgt/order-mgt.ts', () => ({
  async startOrderMgt(settings: unknown) {
    started.orderMgt.push(settings);
    return { url: 'http://localhost:4001', close: async () => {} };
  },
}));
vi.mock('../../../src/apps/order-sync/order-sync.ts', () => ({
  async startOrderSync(...given: unknown[]) {
    started.orderSync.push(given);
    return { url: 'http://localhost:4000', close: async () => {}, console: async () => null };
  },
}));

/** The runs of the demonstration. */
const demo = vi.hoisted(() => ({ runs: 0 }));

vi.mock('../../../src/apps/start/demo.ts', () => ({
  async runDemo() {
    demo.runs++;
  },
}));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-start-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

interface Settings {
  readonly secret?: string;
  readonly targetUrl: string;
  readonly targetApiKey?: string;
  readonly targetProxy?: string;
}

/** Starts and stops the program, and answers with the settings that the two programs got. */
async function start(env: Readonly<Record<string, string>>) {
  const host = fakeHost(['start'], {
    LOG_LEVEL: 'error',
    TRIBUTARY_DATA_DIR: join(folder, 'data'),
    TRIBUTARY_DEMO: 'false',
    ...env,
  });
  const program = { program: 'tributary', summary: 'Runs.', examples: [] } as const;
  const ended = runCli({ ...program, commands: [startCommand(systemClock)] }, host);
  await vi.waitFor(() => expect(host.stdout.text).toContain('Tributary runs.'));
  host.signals.emit('SIGTERM');
  await ended;
  const orderMgt = started.orderMgt.pop() as Settings & { readonly ownKey: string };
  const [orderSync, { settingEntries }] = started.orderSync.pop() as [
    Settings,
    { readonly settingEntries: readonly { readonly name: string; readonly value: string }[] },
  ];
  const shown = settingEntries.find(({ name }) => name === 'ORDER_SYNC_TARGET_URL')?.value;
  return { orderMgt, orderSync, shown };
}

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;

describe('tributary start', () => {
  it('delivers to its own order-mgt, with a key that both know', async () => {
    const { orderMgt, orderSync, shown } = await start({});
    expect(orderSync.targetUrl).toBe('http://localhost:4001/api/orders');
    expect(orderSync.targetApiKey).toBe(orderMgt.ownKey);
    expect(shown).toBe(orderSync.targetUrl);
    expect(orderSync.targetProxy).toBe('none');
  });

  it.each(['a variable', 'the settings file', 'a file of its own'])(
    'delivers to the target that %s names',
    async (place) => {
      const named = { ORDER_SYNC_TARGET_URL: 'http://shop.example/orders' };
      const [config, own] = [join(folder, 'tributary.json'), join(folder, 'url')];
      writeFileSync(config, JSON.stringify(named));
      writeFileSync(own, named.ORDER_SYNC_TARGET_URL);
      const env =
        place === 'a variable'
          ? named
          : place === 'the settings file'
            ? { TRIBUTARY_CONFIG: config }
            : { ORDER_SYNC_TARGET_URL_FILE: own };
      const { orderMgt, orderSync, shown } = await start(env);
      expect(orderSync.targetUrl).toBe('http://shop.example/orders');
      expect(orderSync.targetApiKey).not.toBe(orderMgt.ownKey);
      expect(shown).toBe('http://shop.example/orders');
    },
  );

  it('takes an empty variable for none', async () => {
    const { orderSync } = await start({ ORDER_SYNC_TARGET_URL: '' });
    expect(orderSync.targetUrl).toBe('http://localhost:4001/api/orders');
  });

  it('reaches its own order-mgt by the key and the proxy that somebody has set', async () => {
    const { orderSync } = await start({
      ORDER_SYNC_TARGET_API_KEY: 'a.key',
      ORDER_SYNC_TARGET_PROXY: 'http://proxy.example:3128',
    });
    expect(orderSync).toMatchObject({
      targetUrl: 'http://localhost:4001/api/orders',
      targetApiKey: 'a.key',
      targetProxy: 'http://proxy.example:3128',
    });
  });

  it('shows the demonstration once, on a new data directory alone', async () => {
    const before = demo.runs;
    const withDemo = { TRIBUTARY_DEMO: 'true' };
    await start(withDemo);
    expect(demo.runs).toBe(before + 1);
    await start(withDemo);
    expect(demo.runs).toBe(before + 1);
  });

  it('hands the secret of order-sync on to order-mgt, unless that has its own', async () => {
    const ofSync = { ORDER_SYNC_TARGET_SECRET: secretOf(1) };
    expect((await start(ofSync)).orderMgt.secret).toBe(secretOf(1));
    const both = await start({ ...ofSync, ORDER_MGT_SECRET: secretOf(2) });
    expect([both.orderSync, both.orderMgt]).toMatchObject([
      { targetSecret: secretOf(1) },
      { secret: secretOf(2) },
    ]);
  });
});
