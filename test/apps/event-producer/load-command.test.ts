import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { loadCommand } from '../../../src/apps/event-producer/commands/load.ts';
import { runCli } from '../../../src/apps/shared/cli/cli.ts';
import { fakeHost } from '../shared/cli/fake-host.ts';

const SEED = ['--seed', 'test-1'];

/** Publishes a load in a data directory of its own. */
async function load(...words: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-load-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const host = fakeHost(['load', ...words], { LOG_LEVEL: 'error', TRIBUTARY_DATA_DIR: folder });
  const commands = [loadCommand(systemClock)];
  const spec = { program: 'event-producer', summary: 'Publishes.', examples: [], commands } as const;
  const code = await runCli(spec, host);
  return { folder, code, out: host.stdout.text, error: host.stderr.text };
}

async function summaryOf(...words: string[]): Promise<Record<string, number | string>> {
  const { code, out } = await load(...SEED, ...words, '--json');
  expect(code).toBe(0);
  return JSON.parse(out);
}

async function recordsIn(folder: string): Promise<number> {
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock, logger: () => {} });
  try {
    const described = await log.describe(['order_events', 'payment_events']);
    const offsets = described.flatMap(({ partitions }) => partitions.map(({ endOffset }) => endOffset));
    return Number(offsets.reduce((sum, offset) => sum + offset, 0n));
  } finally {
    await log.close();
  }
}

describe('event-producer load', () => {
  it('publishes the number of records that is asked for, also of a given number of orders', async () => {
    const { folder, out } = await load(...SEED, '--count', '150', '--orders', '10', '--json');
    expect(JSON.parse(out)).toMatchObject({ records: 150, orders: 10, seed: 'test-1' });
    expect(await recordsIn(folder)).toBe(150);
  });

  it('makes as many records as the orders need, and as many orders as the records need', async () => {
    const byOrders = await summaryOf('--orders', '100');
    expect(Number(byOrders.records)).toBeGreaterThan(150);
    expect(byOrders.orders).toBe(100);
    const byCount = await summaryOf('--count', '1000');
    expect(byCount.records).toBe(1_000);
    expect(Number(byCount.orders)).toBeLessThan(1_000);
  });

  it('counts late events as events, and neither duplicates nor malformed records', async () => {
    const rates = ['--duplicate-rate', '0.1', '--reorder-rate', '0.2', '--malformed-rate', '0.05'];
    const { records, events, late, duplicates, malformed } = await summaryOf('--count', '1000', ...rates);
    expect(records).toBe(1_000);
    expect([late, duplicates, malformed]).toEqual([200, 100, 50]);
    expect(events).toBe(850);
  });

  it('tells a person the same in one line', async () => {
    const { out } = await load(...SEED, '--count', '20');
    expect(out).toMatch(
      /^20 records published to .* in \d+\.\d s \(\d+\/s\): 20 events, 0 of them late, 0 duplicates, 0 malformed, seed test-1\n$/,
    );
  });

  it.each([
    [
      ['--duplicate-rate', '0.5', '--reorder-rate', '0.25', '--malformed-rate', '0.25'],
      'add up to 1 or more',
    ],
    [['--duplicate-rate', '1.5'], '--duplicate-rate is "1.5": give a number from 0 to 1.'],
    [['--orders', '1.5'], '--orders is "1.5": give a whole number from 1 to'],
    [['--orders', '0'], 'give a whole number from 1 to'],
    [['--count', 'many'], '--count is "many": give a whole number'],
    [['--rate', '0'], '--rate is "0": give a number from 0.001'],
    [['--rate', ' '], 'give a number from 0.001'],
    [['--seed', 'a b'], '--seed is "a b": give 1 to 64 letters'],
    [['--seed', 'x'.repeat(65)], 'give 1 to 64 letters'],
  ])('refuses %j, and publishes nothing', async (words, fault) => {
    const { code, out, error } = await load(...words);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toContain(fault);
  });
});
