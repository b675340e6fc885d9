/**
 * `npm run check:redrive` redrives thousands of dead letters with a job whose worker is killed half way. The job must
 * redrive each matching one exactly once and no other one. At the end all of them are delivered. See docs/checks.md.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run as runProgram } from '../services/commands.ts';
import { createDatabase, startServices } from '../services/index.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { readyOrder, startEmbeddedLog } from './lib/embedded-log.ts';
import { LedgerTables } from './lib/ledger-tables.ts';
import { Program } from './lib/programs.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';

const OTHER_DEAD = 1_000;
const ACCEPTED = 500;
const PATIENCE_MS = 300_000;
const main = join(import.meta.dirname, '..', '..', 'src', 'apps', 'order-sync', 'main.ts');

await runCommand({
  name: 'redrive',
  summary:
    'Runs a redrive job over thousands of dead letters and kills its worker half way: each must be redriven once.',
  examples: [
    'npm run check:redrive',
    'npm run check:redrive -- --database mariadb --dead-letters 20000 --kills 4',
  ],
  options: [
    {
      name: 'dead-letters',
      value: 'number',
      fallback: '10000',
      help: 'The number of dead letters that match the filter',
    },
    {
      name: 'database',
      value: 'embedded|mariadb|mysql',
      fallback: 'embedded',
      help: 'The database of order-sync',
    },
    { name: 'kills', value: 'number', fallback: '2', help: 'SIGKILLs while the job is under way' },
    {
      name: 'rate',
      value: 'number',
      fallback: '2000',
      help: 'Dead letters that the job redrives per second',
    },
  ],
  run,
});

type Kind = 'matching' | 'other' | 'accepted';

/** Makes order ids that end with the kind of the order, which decides the target's answer. The kinds are mixed. */
function idsOf(matching: number): Map<string, Kind> {
  const all = matching + OTHER_DEAD + ACCEPTED;
  const ids = new Map<string, Kind>();
  const left: Record<Kind, number> = { matching, other: OTHER_DEAD, accepted: ACCEPTED };
  for (let number = 0; number < all; number++) {
    const turn: Kind = number % 11 === 3 ? 'other' : number % 23 === 5 ? 'accepted' : 'matching';
    const kind = left[turn] > 0 ? turn : (Object.keys(left) as Kind[]).find((other) => left[other] > 0);
    if (kind === undefined) throw new Error('All kinds are used up');
    left[kind]--;
    ids.set(`order-${String(number).padStart(7, '0')}-${kind}`, kind);
  }
  return ids;
}

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const matchingCount = check.number('dead-letters');
  const place = check.choice('database', ['embedded', 'mariadb', 'mysql']);
  const folder = check.temporaryFolder();
  const databaseUrl = await databaseOf(check, place, folder);
  const ids = idsOf(matchingCount);
  const idsOfKind = (wanted: Kind) => [...ids].filter(([, kind]) => kind === wanted).map(([id]) => id);

  const refusing = await startRefusingTarget(check);
  const settings = {
    TRIBUTARY_DATA_DIR: folder,
    DATABASE_URL: databaseUrl,
    ORDER_SYNC_TARGET_URL: refusing,
    ORDER_SYNC_REDRIVE_RATE: check.text('rate'),
    LOG_LEVEL: 'error',
  };
  const orderSync = await Program.create(check, 'order-sync', 'order-sync', folder, settings);
  orderSync.start();
  await orderSync.ready();
  const tables = new LedgerTables(databaseUrl);
  check.defer(() => tables.close());

  check.progress(`Publishing ${ids.size} orders`);
  const log = await startEmbeddedLog(folder);
  // The accepted orders are published first. After the refused ones they would wait until the breaker closes.
  await log.append(idsOfKind('accepted').flatMap(readyOrder));
  await settled(check, tables, 'some deliveries', { dead: 0, delivered: ACCEPTED, pending: 0 });
  await log.append([...idsOfKind('matching'), ...idsOfKind('other')].flatMap(readyOrder));
  await log.close();
  const dead = matchingCount + OTHER_DEAD;
  const due = { dead: 0, delivered: ACCEPTED, pending: dead };
  await settled(check, tables, `${dead} deliveries that are refused`, due);
  await orderSync.stop();
  await tables.giveUp('-matching');
  await settled(check, tables, `${dead} dead letters`, { dead, delivered: ACCEPTED, pending: 0 });

  check.progress(`${dead} deliveries are dead; starting a dry run`);
  const before = await tables.snapshot();
  const dry = await command(settings, 'redrive', '--status', '422', '--dry-run', '--wait', '--json');
  const dryRunChanged = digestOf(before) === digestOf(await tables.snapshot()) ? 0 : 1;

  await tables.watchRedrives();
  orderSync.start();
  await orderSync.ready();
  const givingUp = new AbortController();
  const given = giveUpAgainAndAgain(tables, givingUp.signal);
  const job = await killedJob(check, orderSync);
  const deadAgain = { dead, delivered: ACCEPTED, pending: 0 };
  await settled(check, tables, 'the redriven deliveries to be dead again', deadAgain);
  givingUp.abort();
  await given;
  const redrives = await tables.redrivesSeen();
  await tables.unwatchRedrives();
  await orderSync.stop();

  check.progress('Starting a second job, with order-mgt as the target');
  const target = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
  });
  target.start();
  await target.ready();
  const url = `http://127.0.0.1:${target.port}/api/orders`;
  const delivering = await Program.create(check, 'order-sync', 'order-sync-2', folder, {
    ...settings,
    ORDER_SYNC_TARGET_URL: url,
  });
  delivering.start();
  await delivering.ready();
  const again = await command(settings, 'redrive', '--status', '422', '--wait', '--json');
  const all = { dead: OTHER_DEAD, delivered: ACCEPTED + matchingCount, pending: 0 };
  await settled(check, tables, 'all redriven deliveries to be delivered', all);
  await delivering.stop();
  await target.stop();

  const atTarget = new Tables(`sqlite:${join(folder, 'order-mgt.sqlite')}`);
  check.defer(() => atTarget.close());
  let delivered = 0;
  let misdelivered = 0;
  for await (const { orderId, readyToSend, version } of atTarget.orders()) {
    if (ids.get(orderId) === 'matching' && readyToSend === true && version === 2) delivered++;
    else misdelivered++;
  }
  const after = await tables.snapshot();
  const untouched = [...idsOfKind('other'), ...idsOfKind('accepted')];
  const untouchedChanged = untouched.filter((id) => before.get(id) !== after.get(id)).length;
  const notOnce = idsOfKind('matching').filter((id) => redrives.get(id) !== 1).length;
  const strangers = [...redrives.keys()].filter((id) => ids.get(id) !== 'matching').length;
  return {
    dead_letters: dead,
    matched: job.matched,
    redriven: job.redriven,
    redriven_twice: notOnce,
    untouched_changed: untouchedChanged + strangers,
    delivered,
    misdelivered,
    dry_run_matched: dry.matched,
    dry_run_changed: dryRunChanged,
    kills: job.kills,
    job_seconds: seconds(job.durationMs),
    seconds: seconds(performance.now() - startedAt),
    database: place,
    ok:
      [job.matched, job.redriven, delivered, dry.matched, again.redriven].every(
        (count) => count === matchingCount,
      ) &&
      notOnce + strangers + untouchedChanged + misdelivered + dryRunChanged + Number(dry.redriven) === 0 &&
      job.kills === check.number('kills'),
  };
}

async function databaseOf(check: RunningCheck, place: string, folder: string): Promise<string> {
  if (place !== 'mariadb' && place !== 'mysql') return `sqlite:${join(folder, 'order-sync.sqlite')}`;
  const services = await startServices({ [place]: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const database = await createDatabase(services[place].url);
  check.defer(() => database.drop());
  return database.url;
}

/**
 * Makes redriven deliveries dead again, every 100 ms, after the target has refused them. A job that lost its place would
 * redrive them a second time.
 */
async function giveUpAgainAndAgain(tables: LedgerTables, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // A deadlock with order-sync is ignored, because the next round tries again.
    await tables.giveUp('-matching').catch(() => undefined);
    await sleep(100);
  }
}

/** Starts a target that accepts or refuses each order as its id says. */
async function startRefusingTarget(check: RunningCheck): Promise<string> {
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { order_id } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { order_id: string };
      const kind = order_id.split('-')[2];
      response.writeHead(kind === 'matching' ? 422 : kind === 'other' ? 400 : 200).end('{}');
    });
  };
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  check.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/orders`;
}

interface Job {
  readonly id: string;
  readonly state: string;
  readonly matched: number;
  readonly redriven: number;
}

/** Starts the job over HTTP, kills its worker `--kills` times while it runs, and waits for its end. */
async function killedJob(
  check: RunningCheck,
  orderSync: Program,
): Promise<Job & { kills: number; durationMs: number }> {
  const wanted = check.number('kills');
  const startedAt = performance.now();
  const base = `http://127.0.0.1:${orderSync.port}`;
  const created = await fetch(`${base}/api/v1/dead-letters:redrive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ filter: { lastStatus: 422 } }),
  });
  if (created.status !== 202)
    throw new Error(`The job was refused: ${created.status} ${await created.text()}`);
  const location = `${base}${created.headers.get('location')}`;
  const { id } = (await created.json()) as Job;
  let kills = 0;
  return waitFor(
    { what: `job ${id} to be done`, pauseMs: 20, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => {
      const job = (await (await fetch(location)).json()) as Job;
      if (job.state === 'done') return { ...job, kills, durationMs: performance.now() - startedAt };
      const share = job.redriven / check.number('dead-letters');
      if (kills < wanted && share >= (kills + 1) / (wanted + 1)) {
        await orderSync.kill();
        kills++;
        check.progress(`Killed at ${job.redriven} of ${check.number('dead-letters')}`);
        orderSync.start();
        await orderSync.ready();
      }
      return undefined;
    },
  );
}

async function settled(
  check: RunningCheck,
  tables: LedgerTables,
  what: string,
  wanted: { dead: number; delivered: number; pending: number },
): Promise<void> {
  let seen = {};
  await waitFor({ what, pauseMs: 250, timeoutMs: PATIENCE_MS, signal: check.signal }, async () => {
    const counts = await tables.counts();
    seen = counts;
    const isThere = (['dead', 'delivered', 'pending'] as const).every(
      (status) => counts[status] === wanted[status],
    );
    return isThere ? true : undefined;
  }).catch((error: unknown) => {
    check.progress(`The ledger has ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`);
    throw error;
  });
}

/** Runs a command of order-sync to its end, as an operator does, and returns the job that it prints. */
async function command(settings: Readonly<Record<string, string>>, ...argv: string[]): Promise<Job> {
  const { stdout } = await runProgram(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, ...argv],
    { environment: settings, timeoutMs: PATIENCE_MS },
  );
  return JSON.parse(stdout) as Job;
}

function digestOf(rows: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  for (const [id, row] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${id}\n${row}\n`);
  return hash.digest('hex');
}

function seconds(durationMs: number): number {
  return Math.round(durationMs / 100) / 10;
}
