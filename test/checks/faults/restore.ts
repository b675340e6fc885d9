/** A dump of some seconds ago is put back under running programs. */
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
/** The dump may hold the claim of a sweep that was under way: the next one begins when its lease is over. */
const SWEEP_LEASE_SECONDS = 60;

export const restore: Scenario = {
  name: 'restore',
  plan: `the database is dumped, ${AFTER_SECONDS} s of events follow, and the dump is put back under two running order-syncs`,
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
    stage.faultBegins('The dump is put back');
    const ends = stage.feeder.ends();
    const loads = await load(stage, putBack);
    const putBackAtMs = performance.now();
    stage.say('the dump is in place');
    const recoverySeconds = await stage.caughtUp(ends, RECOVERY_LIMIT_SECONDS + 15, putBackAtMs);
    stage.say(`everything was journaled again after ${recoverySeconds} s`);
    await stage.wait(8);
    return conclude(stage, {
      seen: lostCount > 0 ? `the dump lacked ${lostCount} journaled events` : '',
      recoverySeconds,
      sweepSeconds: SWEEP_LEASE_SECONDS,
      wrong: loads > 1 ? [`the dump had to be loaded ${loads} times: the programs were in its way`] : [],
      more: { events_that_the_dump_lacked: lostCount, loads },
    });
  },
};

/** As an operator would: a load that broke off is begun again. Resolves with how often it was begun. */
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

/** Takes a dump; the answer puts it back. */
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
    // SQLite's own way to put a copy back: it takes the locks of the file that it writes to.
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
