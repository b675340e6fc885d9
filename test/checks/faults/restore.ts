/** A dump from some seconds ago is restored while the programs run. */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../lib/command.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const BEFORE_SECONDS = 8;
const AFTER_SECONDS = 15;
const LOADS_MAX = 3;
/** The dump may hold the lease of a sweep that was under way. The next sweep begins when that lease is over. */
const SWEEP_LEASE_SECONDS = 60;

export const restore: Scenario = {
  name: 'restore',
  plan: `the database is dumped, ${AFTER_SECONDS} s of events follow, and the dump is restored while two order-syncs run`,
  limitSeconds: 240,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context);
    await stage.startSyncs(2, { ORDER_SYNC_RECONCILE_EVERY_MS: '5000' });
    await stage.warmUp(BEFORE_SECONDS);
    await stage.targetCaughtUp(20);
    const putBack = await dump(stage);
    const dumpedCount = await journalCount(stage);
    await stage.wait(AFTER_SECONDS);
    const lostCount = (await journalCount(stage)) - dumpedCount;
    stage.faultBegins('The dump is restored');
    const ends = stage.feeder.ends();
    const loads = await load(stage, putBack);
    const putBackAtMs = performance.now();
    stage.say('the dump is loaded');
    const recoverySeconds = await stage.caughtUp(ends, RECOVERY_LIMIT_SECONDS + 15, putBackAtMs);
    stage.say(`all events were journaled again after ${recoverySeconds} s`);
    await stage.wait(8);
    return conclude(stage, {
      seen: lostCount > 0 ? `the dump lacked ${lostCount} journaled events` : '',
      recoverySeconds,
      sweepSeconds: SWEEP_LEASE_SECONDS,
      wrong:
        loads > 1
          ? [`the dump had to be loaded ${loads} times, because locks of the programs broke off the load`]
          : [],
      more: { events_that_the_dump_lacked: lostCount, loads },
    });
  },
};

/** Loads the dump as an operator would, again if the load broke off. Returns the number of loads. */
async function load(stage: Stage, putBack: () => Promise<void>): Promise<number> {
  for (let loads = 1; ; loads++) {
    try {
      await putBack();
      return loads;
    } catch (error) {
      stage.say(`the load broke off: ${messageOf(error)}`);
      if (loads === LOADS_MAX) throw error;
    }
  }
}

function journalCount(stage: Stage): Promise<number> {
  return stage.tables((tables) => tables.count('event_journal'));
}

/** Takes a dump, and returns a function that restores it. */
async function dump(stage: Stage): Promise<() => Promise<void>> {
  const file = join(stage.folder, 'dump');
  const url = stage.database.url;
  if (!stage.database.isSqlite) {
    await dumpServer(url, file);
    return () => loadServer(url, file);
  }
  const path = url.slice('sqlite:'.length);
  const live = new DatabaseSync(path, { timeout: 10_000 });
  await backup(live, file);
  live.close();
  return async () => {
    const copy = new DatabaseSync(file);
    // The backup API of SQLite restores the copy. It takes the locks of the file that it writes to.
    await backup(copy, path);
    copy.close();
  };
}

function addressOf(url: string): { readonly connection: string[]; readonly database: string } {
  const { hostname, port, username, password, pathname } = new URL(url);
  const secret = password === '' ? [] : [`--password=${decodeURIComponent(password)}`];
  return {
    connection: ['--no-defaults', `--host=${hostname}`, `--port=${port}`, `--user=${username}`, ...secret],
    database: pathname.slice(1),
  };
}

async function dumpServer(url: string, file: string): Promise<void> {
  const { connection, database } = addressOf(url);
  const options = ['--single-transaction', '--triggers', '--add-drop-trigger', '--hex-blob'];
  const child = spawn('mysqldump', [...connection, ...options, database], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`mysqldump ended with ${code}`)),
    );
  });
  await Promise.all([pipeline(child.stdout, createWriteStream(file)), ended]);
}

async function loadServer(url: string, file: string): Promise<void> {
  const { connection, database } = addressOf(url);
  const input = await open(file, 'r');
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn('mysql', [...connection, database], { stdio: [input.fd, 'inherit', 'inherit'] });
      child.once('error', reject);
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`mysql ended with ${code}`))));
    });
  } finally {
    await input.close();
  }
}
