/**
 * `npm run bench -- delivery` measures how many states a second order-sync delivers to an order-mgt that makes each
 * state durable. It sends single states and batches, and compares both with the HTTP client alone. See docs/checks.md.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { readyOrder, startEmbeddedLog } from '../test/checks/lib/embedded-log.ts';
import { cpuSecondsOf, descendantPid } from '../test/checks/lib/process-usage.ts';
import { Program } from '../test/checks/lib/programs.ts';
import { Tables } from '../test/checks/lib/tables.ts';
import { waitFor } from '../test/checks/lib/waiting.ts';
import { createDatabase, startServices } from '../test/services/index.ts';
import { PreloadedLedger } from './delivery/preloaded-ledger.ts';
import { atLeast, type Bench, type Measured, measuresOf, medianOf, versionsOf } from './lib/bench.ts';
import type { Bar, Measure } from './lib/result.ts';

const LEDGERS = ['embedded', 'mariadb'] as const;
type Ledger = (typeof LEDGERS)[number];
/** The bench measures two interfaces of undici: `dispatch`, the lowest, which order-sync uses, and `request`. */
const CLIENT_WAYS = ['dispatch', 'request'] as const;
const WAYS = ['single', 'batch'] as const;
type Way = (typeof WAYS)[number];

/** The pause between two queries of the target's table. Each query slows the measured programs a little. */
const POLL_MS = 50;
/** The first second is not measured: the JavaScript engine still compiles. The bare client leaves it out too. */
const WARM_UP_MS = 1_000;
const TIMEOUT_MS = 300_000;
/** The share of the rate of undici alone that order-sync has to reach with one state in a request. */
const SINGLE_SHARE_MIN: Readonly<Record<Ledger, number>> = { embedded: 0.6, mariadb: 0.45 };
const BATCH_STATES_PER_SECOND_MIN = 40_000;

export const bench: Bench = {
  name: 'delivery',
  summary: 'States a second from order-sync to a durable order-mgt, compared with the HTTP client alone.',
  examples: [
    'npm run bench -- delivery',
    'npm run bench -- delivery --ledger embedded --way batch --batch-states 300000 --runs 1',
  ],
  options: [
    {
      name: 'ledger',
      value: 'embedded|mariadb|both',
      fallback: 'both',
      help: 'The database of order-sync',
    },
    { name: 'way', value: 'single|batch|both', fallback: 'both', help: 'One state per request, or many' },
    { name: 'single-states', value: 'number', fallback: '100000', help: 'States per run of single requests' },
    { name: 'batch-states', value: 'number', fallback: '200000', help: 'States per run of batches' },
    { name: 'runs', value: 'number', fallback: '3', help: 'Runs of each kind; RESULT has the median' },
    { name: 'client-seconds', value: 'number', fallback: '3', help: 'Seconds to measure the client alone' },
  ],
  quick: { 'single-states': '10000', 'batch-states': '50000', runs: '1', 'client-seconds': '1' },
  run,
};

/** The figures of one run. */
type Delivered = {
  readonly states_per_second: number;
  /**
   * The rate as a share of the client's rate through `dispatch`. The client is measured just before and just after the
   * run, because the machine's speed varies; the share uses the mean of both.
   */
  readonly share_of_client: number | null;
  /** The same share of the client's rate through `request`. */
  readonly share_of_request: number | null;
  readonly cpu_seconds_per_million_order_sync: number;
  readonly cpu_seconds_per_million_order_mgt: number;
  readonly cpu_seconds_per_million_database: number | null;
};

async function run(check: RunningCheck): Promise<Measured> {
  const ledgers = chosen(check, 'ledger', LEDGERS);
  const ways = chosen(check, 'way', WAYS);
  const runs = check.number('runs');
  const client = await BareClient.start(check);
  const measures: Measure[] = [];
  const bars: Bar[] = [];
  const versions: Record<string, string> = {};
  for (const ledger of ledgers) {
    const found = await measureLedger(check, client, ledger, ways, runs);
    Object.assign(versions, found.versions);
    for (const way of ways) {
      const subject = `${way} ${ledger}`;
      measures.push(...measuresOf(subject, 'order-sync', found.delivered[way]));
      const rateOf = (figure: string) => medianOf(measures, subject, 'order-sync', figure);
      if (way === 'single') {
        const share = rateOf('share_of_client');
        bars.push(atLeast(`singles, ${ledger}: share of undici alone`, share, SINGLE_SHARE_MIN[ledger]));
      } else if (ledger === 'embedded') {
        const rate = rateOf('states_per_second');
        bars.push(atLeast('batches, embedded: states a second', rate, BATCH_STATES_PER_SECOND_MIN));
      }
    }
  }
  return {
    measures: [...measures, ...client.measures()],
    bars,
    facts: {
      single_states: check.number('single-states'),
      batch_states: check.number('batch-states'),
      runs,
    },
    versions,
  };
}

function chosen<Choice extends string>(
  check: RunningCheck,
  option: string,
  all: readonly Choice[],
): Choice[] {
  const choice = check.choice(option, ['both', ...all]);
  return all.filter((each) => choice === 'both' || choice === each);
}

interface ClientRate {
  readonly posts_per_second: number;
  readonly cpu_seconds_per_million: number;
}

/** One measurement of the client through each of its interfaces. */
type ClientRates = Readonly<Record<(typeof CLIENT_WAYS)[number], ClientRate>>;

/** The HTTP client alone. Client and server run in processes of their own, like order-sync and order-mgt. */
class BareClient {
  readonly #check: RunningCheck;
  readonly #port: string;
  readonly #measured: ClientRates[] = [];

  private constructor(check: RunningCheck, port: string) {
    this.#check = check;
    this.#port = port;
  }

  static async start(check: RunningCheck): Promise<BareClient> {
    const server = spawnPart(check, 'bare-server.ts', []);
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    return new BareClient(check, port.toString().trim());
  }

  async measure(): Promise<ClientRates> {
    const request = await this.#rateBy('request');
    const measured = { request, dispatch: await this.#rateBy('dispatch') };
    this.#measured.push(measured);
    this.#check.progress(`The client alone: ${JSON.stringify(measured)}`);
    return measured;
  }

  async #rateBy(way: keyof ClientRates): Promise<ClientRate> {
    const argv = [this.#port, way, this.#check.text('client-seconds')];
    const client = spawnPart(this.#check, 'bare-client.ts', argv);
    const [answer] = (await once(client.stdout, 'data')) as [Buffer];
    return JSON.parse(answer.toString());
  }

  measures(): Measure[] {
    return CLIENT_WAYS.flatMap((way) =>
      measuresOf(
        'posts to a bare server',
        `undici ${way}`,
        this.#measured.map((each) => ({ ...each[way] })),
      ),
    );
  }
}

function spawnPart(check: RunningCheck, file: string, argv: readonly string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'delivery', file), ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  check.defer(() => void child.kill('SIGKILL'));
  return child;
}

/** Journals all states once without sending any, then delivers them once per run. */
async function measureLedger(
  check: RunningCheck,
  client: BareClient,
  ledger: Ledger,
  ways: readonly Way[],
  runs: number,
): Promise<{ readonly delivered: Record<Way, Delivered[]>; readonly versions: Record<string, string> }> {
  const folder = check.temporaryFolder();
  const { url, stop, versions } = await databaseOf(check, ledger, folder);
  const settings = { TRIBUTARY_DATA_DIR: folder, DATABASE_URL: url };
  const count = Math.max(...ways.map((way) => check.number(`${way}-states`)));
  await preload(check, folder, settings, count);
  const kept = new PreloadedLedger(url);
  await kept.keep();
  const found: Record<Way, Delivered[]> = { single: [], batch: [] };
  for (const way of ways) {
    let before = way === 'single' ? await client.measure() : null;
    for (let number = 1; number <= runs; number++) {
      const states = check.number(`${way}-states`);
      await kept.restore(states);
      const run = await deliverOnce(check, { way, states, folder, settings, number });
      const after = before === null ? null : await client.measure();
      const shareOf = (name: keyof ClientRates) =>
        before === null || after === null
          ? null
          : round(
              (2 * run.states_per_second) / (before[name].posts_per_second + after[name].posts_per_second),
            );
      const delivered = {
        ...run,
        share_of_client: shareOf('dispatch'),
        share_of_request: shareOf('request'),
      };
      before = after;
      const left = await kept.left();
      if (left.unsettled !== 0 || left.attempts !== states) {
        throw new Error(`After ${states} states the ledger has ${JSON.stringify(left)}`);
      }
      check.progress(`${ledger}, ${way}, run ${number} of ${runs}: ${JSON.stringify(delivered)}`);
      found[way].push(delivered);
    }
  }
  await stop();
  return { delivered: found, versions };
}

async function databaseOf(
  check: RunningCheck,
  ledger: Ledger,
  folder: string,
): Promise<{ url: string; stop: () => Promise<void>; versions: Record<string, string> }> {
  if (ledger === 'embedded') {
    return { url: `sqlite:${join(folder, 'order-sync.sqlite')}`, stop: async () => {}, versions: {} };
  }
  const services = await startServices({ mariadb: true });
  const stop = check.defer(() => services.stop());
  check.progress(services.describe());
  const database = await createDatabase(services.mariadb.url);
  const drop = check.defer(() => database.drop());
  return { url: database.url, stop: () => drop().then(stop), versions: versionsOf(services) };
}

async function preload(
  check: RunningCheck,
  folder: string,
  settings: Readonly<Record<string, string>>,
  count: number,
): Promise<void> {
  const orderSync = await Program.create(check, 'order-sync', 'order-sync-preload', folder, {
    ...settings,
    ORDER_SYNC_DELIVER: 'false',
  });
  orderSync.start();
  await orderSync.ready();
  const log = await startEmbeddedLog(folder);
  const CHUNK = 10_000;
  for (let from = 0; from < count; from += CHUNK) {
    const ids = Array.from({ length: Math.min(CHUNK, count - from) }, (_, index) => orderId(from + index));
    await log.append(ids.flatMap(readyOrder));
  }
  await log.close();
  const tables = new Tables(settings.DATABASE_URL ?? '');
  await waitFor(
    { what: `${count} states to be due`, pauseMs: 200, timeoutMs: TIMEOUT_MS, signal: check.signal },
    async () => ((await tables.pendingDeliveries()) === count ? true : undefined),
  );
  await tables.close();
  await orderSync.stop();
  check.progress(`${count} states are due`);
}

function orderId(number: number): string {
  return `order-${String(number).padStart(8, '0')}`;
}

/**
 * Delivers all due states to an empty order-mgt. The measurement begins one second after the first state has arrived
 * and ends with the last state.
 */
async function deliverOnce(
  check: RunningCheck,
  run: {
    way: Way;
    states: number;
    folder: string;
    settings: Readonly<Record<string, string>>;
    number: number;
  },
): Promise<Omit<Delivered, 'share_of_client' | 'share_of_request'>> {
  const { way, states, folder, settings } = run;
  const label = `${way}-${run.number}`;
  const targetFolder = join(folder, label);
  mkdirSync(targetFolder);
  const target = await Program.create(check, 'order-mgt', `order-mgt-${label}`, folder, {
    TRIBUTARY_DATA_DIR: targetFolder,
    ...(way === 'single' ? { ORDER_MGT_BATCH_MAX: '0' } : {}),
  });
  target.start();
  await target.ready();
  const orderSync = await Program.create(check, 'order-sync', `order-sync-${label}`, folder, {
    ...settings,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders`,
  });
  const stored = new DatabaseSync(join(targetFolder, 'order-mgt.sqlite'), { readOnly: true });
  const last = stored.prepare('SELECT COALESCE(MAX(sequence), 0) AS n FROM deliveries_received');
  orderSync.start();
  const pids = {
    order_sync: orderSync.pid,
    order_mgt: target.pid,
    database: descendantPid(/mariadbd/),
  };
  const seen = () => ({
    states: Number(last.get()?.n),
    ms: performance.now(),
    order_sync: cpuSecondsOf(pids.order_sync),
    order_mgt: cpuSecondsOf(pids.order_mgt),
    database: pids.database === undefined ? null : cpuSecondsOf(pids.database),
  });
  let first = seen();
  let end = first;
  let begunMs: number | null = null;
  const deadline = first.ms + TIMEOUT_MS;
  while (end.states < states) {
    await sleep(POLL_MS, undefined, { signal: check.signal });
    orderSync.assertRunning();
    end = seen();
    if (begunMs === null && end.states > 0) begunMs = end.ms;
    if (begunMs === null || end.ms < begunMs + WARM_UP_MS) first = end;
    if (end.ms > deadline) throw new Error(`Only ${end.states} of ${states} states arrived in time`);
  }
  stored.close();
  // Stopping order-sync settles its last deliveries. The ledger is checked for unsettled ones afterwards.
  await orderSync.stop();
  await target.stop();
  const measured = end.states - first.states;
  const perMillion = (from: number, to: number) => round(((to - from) / measured) * 1e6);
  return {
    states_per_second: Math.round(measured / ((end.ms - first.ms) / 1_000)),
    cpu_seconds_per_million_order_sync: perMillion(first.order_sync, end.order_sync),
    cpu_seconds_per_million_order_mgt: perMillion(first.order_mgt, end.order_mgt),
    cpu_seconds_per_million_database:
      first.database === null || end.database === null ? null : perMillion(first.database, end.database),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
