import { afterEach, describe, expect, it, vi } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { type RunSettings, runSync } from '../../../src/apps/order-sync/run-sync.ts';
import type * as Cli from '../../../src/apps/shared/cli/cli.ts';
import type { CliHost, CliSpec } from '../../../src/apps/shared/cli/spec.ts';
import type { Domain } from '../../../src/core/domain.ts';
import { orders } from '../../../src/orders/index.ts';
import { type FakeHost, fakeHost } from '../shared/cli/fake-host.ts';

interface Run {
  readonly spec: CliSpec<'order-sync'>;
  readonly host: CliHost;
}

/** What was run, the exit codes of the next runs, and what the process gives. */
const cli = vi.hoisted(() => ({ runs: [] as unknown[], codes: [] as number[], host: null as unknown }));

vi.mock('../../../src/apps/shared/cli/cli.ts', async (original) => ({
  ...(await original<typeof Cli>()),
  async runCli(spec: unknown, host: unknown) {
    cli.runs.push({ spec, host });
    return cli.codes.shift() ?? 0;
  },
}));
vi.mock('../../../src/apps/shared/cli/process-host.ts', () => ({ processHost: () => cli.host }));

const stock = stockLedger as unknown as Domain<unknown, unknown>;
const returns = { ...orders, name: 'returns' } as unknown as Domain<unknown, unknown>;

afterEach(() => {
  process.exitCode = undefined;
  cli.runs.length = 0;
});

interface Given {
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: RunSettings;
  readonly codes?: readonly number[];
}

/** Runs the domains, and says with which words and which settings each was run. */
async function run(
  domains: Domain<unknown, unknown> | readonly Domain<unknown, unknown>[],
  { words = [], env = {}, settings = {}, codes = [] }: Given = {},
) {
  cli.host = fakeHost(words, env);
  cli.codes.push(...codes);
  await runSync(domains, settings);
  const runs = (cli.runs as Run[]).map(({ spec, host }) => ({
    domain: spec.subject?.synced.domain.name,
    words: host.argv,
    port: host.env.ORDER_SYNC_PORT,
  }));
  return { runs, exitCode: process.exitCode, error: (cli.host as FakeHost).stderr.text };
}

describe('runSync', () => {
  it('runs one domain with the words and the port that the process has', async () => {
    const { runs, exitCode } = await run(stock, { words: ['status'], env: { ORDER_SYNC_PORT: '4000' } });
    expect(runs).toEqual([{ domain: 'stock_ledger', words: ['status'], port: '4000' }]);
    expect(exitCode).toBe(0);
  });

  it.each<[what: string, given: Given, ports: readonly (string | undefined)[]]>([
    ['by default', {}, ['3000', '3001']],
    ['from the settings of the program on', { settings: { ORDER_SYNC_PORT: 5_000 } }, ['5000', '5001']],
    [
      'from the environment on, which wins over the settings of the program',
      { env: { ORDER_SYNC_PORT: '4000' }, settings: { ORDER_SYNC_PORT: 5_000 } },
      ['4000', '4001'],
    ],
    ['from PORT on', { env: { PORT: '4500' }, settings: { ORDER_SYNC_PORT: 5_000 } }, ['4500', '4501']],
    ['at free ports', { env: { ORDER_SYNC_PORT: '0' } }, ['0', '0']],
  ])('gives each of several domains the next port: %s', async (_, given, ports) => {
    expect((await run([stock, returns], given)).runs.map(({ port }) => port)).toEqual(ports);
  });

  it('runs a command for the domain that the first word names, at the port of that domain', async () => {
    const { runs } = await run([stock, returns], { words: ['returns', 'status', '--json'] });
    expect(runs).toEqual([{ domain: 'returns', words: ['status', '--json'], port: '3001' }]);
  });

  it('puts the name of each domain in the place of {domain}', async () => {
    const env = { DATABASE_URL: 'mysql://{domain}:secret@localhost/{domain}' };
    await run([stock, returns], { env });
    expect((cli.runs as Run[]).map(({ host }) => host.env.DATABASE_URL)).toEqual([
      'mysql://stock_ledger:secret@localhost/stock_ledger',
      'mysql://returns:secret@localhost/returns',
    ]);
  });

  it.each([
    [[0, 0], 0],
    [[0, 4], 4],
    [[3, 0], 3],
  ])('ends with the code of a domain that failed: %j', async (codes, exitCode) => {
    expect(await run([stock, returns], { codes })).toMatchObject({ exitCode });
  });

  it.each<[what: string, domains: readonly Domain<unknown, unknown>[], given: Given, message: RegExp]>([
    ['two domains of one name', [stock, stock], {}, /Two domains have the same name/],
    ['a command for no domain', [stock, returns], { words: ['status'] }, /stock_ledger status/],
    [
      'one database for several domains',
      [stock, returns],
      { env: { DATABASE_URL: 'mysql://localhost/one' } },
      /ORDER_SYNC_TABLE_PREFIX=\{domain\}_/,
    ],
  ])('refuses %s, and runs nothing', async (_, domains, given, message) => {
    const { runs, exitCode, error } = await run(domains, given);
    expect([runs, exitCode]).toEqual([[], 2]);
    expect(error).toMatch(message);
  });
});
