/**
 * `npm run check:verify` runs `order-sync verify` over many orders while ingest runs: it must see no difference where there
 * is none, and find and repair everything that was altered by hand. See docs/checks.md.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { machine } from './lib/process-usage.ts';
import type { Program } from './lib/programs.ts';
import { waitFor } from './lib/waiting.ts';
import { alter, Sql, statesOf } from './verify/alterations.ts';
import { deliveredOrders } from './verify/delivered-orders.ts';
import { isDeliveredLast, orderId } from './verify/feeder.ts';

/** The share of the orders that get more events meanwhile. Only the others are altered. */
const BUSY_SHARE = 0.5;
/** The exit code if a difference remains. */
const PARTIAL = 5;
const main = join(import.meta.dirname, '..', '..', 'src', 'apps', 'order-sync', 'main.ts');

await runCommand({
  name: 'verify',
  summary:
    'Verifies many orders while ingest runs: no false alarm, and every alteration by hand is found and repaired.',
  examples: [
    'npm run check:verify',
    'npm run check:verify -- --database mysql --entities 100000 --rate 0',
    'npm run check:verify -- --database sqlite --entities 20000 --events-per-second 500',
  ],
  options: [
    { name: 'entities', value: 'number', fallback: '1000000', help: 'The orders before the verification' },
    {
      name: 'database',
      value: 'mariadb|mysql|sqlite',
      fallback: 'mariadb',
      help: 'The database of order-sync',
    },
    { name: 'altered', value: 'number', fallback: '1000', help: 'Rows, entries and states to alter by hand' },
    { name: 'rate', value: 'number', fallback: '2000', help: 'Orders per second; 0 for no limit' },
    {
      name: 'events-per-second',
      value: 'number',
      fallback: '5000',
      help: 'Events that are published during the verification',
    },
  ],
  run,
});

/** What `order-sync verify --json` prints. */
interface Report {
  readonly read: number;
  readonly differences: number;
  readonly repaired: number;
  readonly remaining: number;
  readonly unsettled: number;
  readonly found: Readonly<Record<string, number>>;
  readonly entitiesPerSecond: number;
  readonly target: { readonly found: Readonly<Record<string, number>>; readonly madeDue: number } | null;
  readonly shown: readonly unknown[];
}

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const entities = check.number('entities');
  const perSecond = check.number('events-per-second');
  const database = check.choice('database', ['mariadb', 'mysql', 'sqlite']);
  const { orderSync, feeder, settings, databaseUrl, targetUrl } = await deliveredOrders(check, {
    database,
    orders: entities,
  });
  const busy = Math.floor(entities * BUSY_SHARE);
  const fedFrom = { published: feeder.published, atMs: performance.now() };
  feeder.start(perSecond, busy);
  check.defer(() => feeder.stop());
  const rate = ['--rate', check.text('rate')];
  const quiet = await verify(settings, '--all', '--target', 'order-mgt', ...rate);
  const published = Math.round(
    (feeder.published - fedFrom.published) / ((performance.now() - fedFrom.atMs) / 1_000),
  );
  const alarms = await backgroundDifferences(orderSync);
  for (const shown of quiet.shown.slice(0, 5)) check.progress(`False alarm: ${JSON.stringify(shown)}`);
  check.progress(
    `${quiet.read} orders verified, ${quiet.entitiesPerSecond}/s, at ${published} events a second (${since(startedAt)} s)`,
  );

  const store = new Sql(databaseUrl);
  check.defer(() => store.close());
  const atTarget = new Sql(targetUrl);
  check.defer(() => atTarget.close());
  const ids = quietIds(entities, busy, check.number('altered'));
  const before = await statesOf(store, atTarget, ids);
  const backgroundBefore = await backgroundDifferences(orderSync);
  const altered = await alter(store, atTarget, ids);
  const repairing = await verify(settings, '--all', '--target', 'order-mgt', '--repair', ...rate);
  // The verification of the running order-sync repairs rows too, and may have been there first.
  const background = (await backgroundDifferences(orderSync)).rows - backgroundBefore.rows;
  for (const shown of repairing.shown.slice(0, 5)) check.progress(`Found: ${JSON.stringify(shown)}`);
  const wrong = await waitForStates(check, store, atTarget, before, ids);
  await feeder.stop();
  const found = repairing.differences + background;
  return {
    entities,
    altered: ids.length,
    altered_rows: altered.rows,
    altered_ledger_entries: altered.entries,
    altered_target_states: altered.states,
    found,
    repaired: repairing.repaired + background,
    repaired_by_the_running_order_sync: background,
    remaining: repairing.remaining,
    false_alarms: quiet.differences + alarms.all,
    unsettled: quiet.unsettled,
    wrong,
    entities_read: quiet.read,
    entities_per_second: quiet.entitiesPerSecond,
    events_per_second: published,
    rate: check.number('rate'),
    database,
    machine: machine(),
    seconds: since(startedAt),
    ok:
      quiet.differences + alarms.all + repairing.remaining + wrong === 0 &&
      quiet.read >= entities &&
      found === ids.length &&
      repairing.repaired + background === ids.length,
  };
}

/** Ids of orders that get no more events and were delivered at their last version, spread over all of them. */
function quietIds(entities: number, busy: number, count: number): string[] {
  const quiet = Array.from({ length: entities - busy }, (_, index) => busy + index).filter(isDeliveredLast);
  if (quiet.length < count)
    throw new Error(`There are ${quiet.length} quiet orders, and ${count} are to be altered`);
  const step = Math.floor(quiet.length / count);
  return Array.from({ length: count }, (_, index) => orderId(quiet[index * step] as number));
}

/** Runs the command to its end, as an operator does. It ends with 5 if a difference remains. */
async function verify(settings: Readonly<Record<string, string>>, ...flags: string[]): Promise<Report> {
  const argv = ['--disable-warning=ExperimentalWarning', main, 'verify', '--json', ...flags];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, { env: { ...process.env, ...settings } }, (error, stdout, stderr) => {
      if (error === null || error.code === PARTIAL) resolve(JSON.parse(stdout) as Report);
      else reject(new Error(`order-sync verify ended with ${error.code}: ${stderr.slice(-2_000)}`));
    });
  });
}

/** The differences that the running order-sync has found by itself: all of them, and the rows that it repaired. */
async function backgroundDifferences(orderSync: Program): Promise<{ all: number; rows: number }> {
  const answer = await fetch(`http://127.0.0.1:${orderSync.port}/api/v1/pipeline`);
  const { verification } = (await answer.json()) as {
    verification: { differences: Record<string, number>; repaired: number };
  };
  const all = Object.values(verification.differences).reduce((sum, count) => sum + count, 0);
  return { all, rows: verification.repaired };
}

/** Waits until store and target say of each order what they said before. Returns the number of orders that differ. */
async function waitForStates(
  check: RunningCheck,
  store: Sql,
  target: Sql,
  before: ReadonlyMap<string, string>,
  ids: readonly string[],
): Promise<number> {
  let wrong = ids.length;
  const waiting = { what: 'the states', pauseMs: 1_000, timeoutMs: 30_000, signal: check.signal };
  await waitFor(waiting, async () => {
    const now = await statesOf(store, target, ids);
    const differing = ids.filter((id) => now.get(id) !== before.get(id));
    wrong = differing.length;
    return wrong === 0 ? true : undefined;
  }).catch(async () => {
    const now = await statesOf(store, target, ids);
    for (const id of ids.filter((each) => now.get(each) !== before.get(each)).slice(0, 5))
      check.progress(`${id} was\n${before.get(id)}and is\n${now.get(id)}`);
  });
  const extra = await store.rows("SELECT COUNT(*) AS n FROM orders WHERE order_id LIKE 'extra-%'");
  return wrong + Number(extra[0]?.n);
}

function since(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 1_000);
}
