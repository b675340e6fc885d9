/**
 * `npm run check:outage` takes the target down while ready orders pile up, and brings it back. order-sync must raise its
 * rate step by step, and deliver all of them. See docs/checks.md.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { freePort } from '../services/index.ts';
import { databasesOf } from './lib/check-database.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import type { CountingReport } from './lib/counting-server.ts';
import { readyOrder, startEmbeddedLog } from './lib/embedded-log.ts';
import { LedgerTables } from './lib/ledger-tables.ts';
import { machine, peakMemoryMibOf } from './lib/process-usage.ts';
import { Program } from './lib/programs.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';

/** The ramp that docs/operations.md promises: 50 states in the first second, and twice as many in each later one. */
const RAMP_START_PER_SECOND = 50;
const RAMP_END_PER_SECOND = 20_000;
/** The number of trials that find out whether the target is back. They do not count as part of the ramp. */
const TRIALS = 3;
/** States of one second may arrive in the next one, because of bursts of 0.1 s, queues and few cores. */
const TOLERANCE = { share: 0.25, states: 20 };
/** While the target is down, only trials are sent, with growing pauses. At most 200 attempts are allowed. */
const DOWN_ATTEMPTS_LIMIT = 200;
const SECONDS_SHOWN = 15;
const LIMIT_MEMORY_MIB = 768;
const PATIENCE_MS = 600_000;
const APPENDED_AT_ONCE = 5_000;

await runCommand({
  name: 'outage',
  summary:
    'Takes the target down while ready orders pile up, and brings it back: the rate must ramp, and all orders must arrive.',
  examples: [
    'npm run check:outage -- --orders 100000',
    'npm run check:outage -- --orders 100000 --target counting --rate 1000 --database mariadb',
  ],
  options: [
    { name: 'orders', value: 'number', fallback: '100000', help: 'Ready orders that pile up' },
    {
      name: 'target',
      value: 'both|order-mgt|counting',
      fallback: 'both',
      help: 'The target: order-mgt, which takes batches, or a server that takes single states',
    },
    {
      name: 'rate',
      value: 'number',
      fallback: '2000',
      help: 'ORDER_SYNC_DELIVERY_RATE_PER_SECOND of the run with the counting server; 0 for no limit',
    },
    {
      name: 'database',
      value: 'embedded|mariadb|mysql',
      fallback: 'embedded',
      help: 'The database of order-sync',
    },
  ],
  run,
});

/** The states that the target received, by its own record. */
interface Seen {
  /** The sorted moments at which states arrived, in milliseconds since the epoch. */
  readonly atMs: readonly number[];
  readonly different: number;
}

async function run(check: RunningCheck): Promise<Figures> {
  const wanted = check.choice('target', ['both', 'order-mgt', 'counting']);
  const databaseIn = await databasesOf(check);
  const outages: Record<string, Awaited<ReturnType<typeof outage>>> = {};
  if (wanted !== 'counting') {
    const folder = check.temporaryFolder();
    outages.order_mgt = await outage(check, {
      folder,
      rate: 0,
      databaseUrl: await databaseIn(folder),
      comeBack: orderMgt,
    });
  }
  if (wanted !== 'order-mgt') {
    const folder = check.temporaryFolder();
    const rate = check.number('rate');
    outages.counting = await outage(check, {
      folder,
      rate,
      databaseUrl: await databaseIn(folder),
      comeBack: counting,
    });
  }
  return {
    orders: check.number('orders'),
    ...outages,
    database: check.text('database'),
    machine: machine(),
    ok: Object.values(outages).every(({ ok }) => ok),
  };
}

type ComeBack = (
  check: RunningCheck,
  folder: string,
  port: number,
  ids: ReadonlySet<string>,
) => Promise<() => Promise<Seen>>;

async function outage(
  check: RunningCheck,
  {
    folder,
    rate,
    databaseUrl,
    comeBack,
  }: {
    readonly folder: string;
    readonly rate: number;
    readonly databaseUrl: string;
    readonly comeBack: ComeBack;
  },
) {
  const count = check.number('orders');
  const ids = Array.from({ length: count }, (_, number) => `order-${String(number).padStart(7, '0')}`);
  const port = await freePort();
  const orderSync = await Program.create(check, 'order-sync', `order-sync-${comeBack.name}`, folder, {
    TRIBUTARY_DATA_DIR: folder,
    DATABASE_URL: databaseUrl,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${port}/api/orders`,
    ORDER_SYNC_DELIVERY_RATE_PER_SECOND: String(rate),
    LOG_LEVEL: 'error',
  });
  orderSync.start();
  await orderSync.ready();
  const tables = new LedgerTables(databaseUrl);
  check.defer(() => tables.close());

  check.progress(`No server listens on the port of ${comeBack.name}; publishing ${count} ready orders`);
  const downMs = performance.now();
  const log = await startEmbeddedLog(folder);
  for (let from = 0; from < count; from += APPENDED_AT_ONCE) {
    await log.append(ids.slice(from, from + APPENDED_AT_ONCE).flatMap(readyOrder));
  }
  await log.close();
  await standing(check, tables, 'all orders to be due', ({ pending }) => pending === count);
  const attemptsDown = await tables.attemptCount();
  const peakMemoryMibDown = peakMemoryMibOf(orderSync.pid);
  const backMs = Date.now();
  const downSeconds = seconds(performance.now() - downMs);
  check.progress(
    `${count} are due after ${downSeconds} s and ${attemptsDown} attempts; the target comes back`,
  );

  const seenBy = await comeBack(check, folder, port, new Set(ids));
  await standing(check, tables, 'all orders to be delivered', ({ delivered }) => delivered === count);
  const settledMs = Date.now();
  const { dead } = await tables.counts();
  const peakMemoryMib = peakMemoryMibOf(orderSync.pid);
  await orderSync.stop();
  const { atMs, different } = await seenBy();
  const perSecond = statesPerSecond(atMs);
  const tooMany = secondsAboveRate(perSecond, rate);
  const figures = {
    rate_per_second: rate,
    down_seconds: downSeconds,
    down_attempts: attemptsDown,
    seconds_to_first_state: seconds((atMs[0] ?? 0) - backMs),
    states_per_second: perSecond.slice(0, SECONDS_SHOWN),
    peak_states_per_second: Math.max(0, ...perSecond),
    seconds_to_drain: seconds(settledMs - (atMs[0] ?? 0)),
    states_received: atMs.length,
    seconds_above_rate: tooMany,
    dead,
    target_different: different,
    peak_memory_mib_down: peakMemoryMibDown,
    peak_memory_mib: peakMemoryMib,
    ok:
      different === 0 &&
      dead === 0 &&
      tooMany === 0 &&
      attemptsDown <= DOWN_ATTEMPTS_LIMIT &&
      peakMemoryMib <= LIMIT_MEMORY_MIB,
  };
  check.progress(`${comeBack.name}: ${JSON.stringify(figures)}`);
  return figures;
}

/** Starts order-mgt as the target. Its own table has the moment at which each state arrived. */
async function orderMgt(
  check: RunningCheck,
  folder: string,
  port: number,
  ids: ReadonlySet<string>,
): Promise<() => Promise<Seen>> {
  const program = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_MGT_PORT: String(port),
  });
  program.start();
  return async () => {
    await program.stop();
    const file = join(folder, 'order-mgt.sqlite');
    const database = new DatabaseSync(file, { readOnly: true });
    const atMs = database
      .prepare('SELECT received_at FROM deliveries_received')
      .all()
      .map((row) => Date.parse(String(row.received_at)));
    database.close();
    const tables = new Tables(`sqlite:${file}`);
    let right = 0;
    let wrong = 0;
    for await (const { orderId, readyToSend, version } of tables.orders()) {
      if (ids.has(orderId) && readyToSend === true && version === 2) right++;
      else wrong++;
    }
    await tables.close();
    return { atMs: atMs.sort((a, b) => a - b), different: wrong + ids.size - right };
  };
}

/** Starts a target without batches, so each request is one state. */
async function counting(
  check: RunningCheck,
  _folder: string,
  port: number,
  ids: ReadonlySet<string>,
): Promise<() => Promise<Seen>> {
  const child = fork(join(import.meta.dirname, 'lib', 'counting-server.ts'), [String(port)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  check.defer(() => {
    child.kill('SIGKILL');
  });
  await once(child, 'message', { signal: check.signal });
  return async () => {
    child.send('report');
    const [report] = (await once(child, 'message', { signal: check.signal })) as [CountingReport];
    const right = report.orders.filter(
      ([id, version, isReady]) => ids.has(id) && version === 2 && isReady,
    ).length;
    return { atMs: report.atMs, different: report.orders.length + ids.size - 2 * right };
  };
}

/** Counts the states of each second, from the first state on, which was the trial that found the target back. */
function statesPerSecond(atMs: readonly number[]): number[] {
  const [firstMs = 0] = atMs;
  const counts: number[] = [];
  for (const each of atMs) {
    const second = Math.floor((each - firstMs) / 1_000);
    while (counts.length <= second) counts.push(0);
    counts[second] = (counts[second] ?? 0) + 1;
  }
  return counts;
}

/** Counts the seconds with more states than the ramp and the limit allow. The ramp allows any number after its end. */
function secondsAboveRate(counts: readonly number[], limit: number): number {
  return counts.filter((states, second) => {
    const ramp = RAMP_START_PER_SECOND * 2 ** second;
    const cap = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    const allowed = Math.min(ramp >= RAMP_END_PER_SECOND ? Number.POSITIVE_INFINITY : ramp, cap);
    return states > allowed * (1 + TOLERANCE.share) + TOLERANCE.states + TRIALS;
  }).length;
}

async function standing(
  check: RunningCheck,
  tables: LedgerTables,
  what: string,
  isThere: (counts: Awaited<ReturnType<LedgerTables['counts']>>) => boolean,
): Promise<void> {
  await waitFor({ what, pauseMs: 250, timeoutMs: PATIENCE_MS, signal: check.signal }, async () =>
    isThere(await tables.counts()) ? true : undefined,
  );
}

function seconds(durationMs: number): number {
  return Math.round(durationMs / 100) / 10;
}
