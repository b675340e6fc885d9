/** One of two order-syncs is frozen by SIGSTOP between the update of its checkpoints and COMMIT, and woken later. */
import { startProxy } from '../lib/proxy.ts';
import { areCheckpointsLocked, freezeBeforeCommit, freezeInWrite } from './database-locks.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

/** The time that the process is frozen on SQLite. No process can take its lock; all others wait, and must report that. */
const SQLITE_FROZEN_SECONDS = 25;
const LOOK_SECONDS = 45;

export const frozenSync: Scenario = {
  name: 'frozen-sync',
  plan: 'one of two order-syncs is frozen between the update of its checkpoints and COMMIT; the other takes over; the first is woken',
  limitSeconds: 240,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context);
    return stage.database.isSqlite ? onSqlite(stage) : onServer(stage);
  },
};

async function onServer(stage: Stage) {
  const url = new URL(stage.database.url);
  const proxy = await startProxy(stage.check, Number(url.port));
  url.port = String(proxy.port);
  const frozen = await stage.orderSync('order-sync-1', { DATABASE_URL: url.href });
  const other = await stage.orderSync('order-sync-2');
  frozen.start();
  await frozen.ready();
  other.start();
  await other.ready();
  await stage.warmUp(8);
  const healthy = await stage.ownedBy(other);
  const held = await freezeBeforeCommit(stage, frozen, proxy, () => areCheckpointsLocked(stage.database.url));
  stage.faultBegins('order-sync-1 is frozen before its COMMIT, with checkpoints locked');
  const ends = stage.feeder.ends();
  const recoverySeconds = await stage.caughtUp(ends, LOOK_SECONDS);
  stage.say(`order-sync-2 has taken over after ${recoverySeconds} s`);
  await stage.wait(2);
  held.release();
  process.kill(frozen.pid, 'SIGCONT');
  stage.say('order-sync-1 is woken');
  await stage.wait(5);
  return conclude(stage, {
    seen: `order-sync-1 was frozen between its checkpoints and COMMIT; order-sync-2 owned ${healthy.size} partitions`,
    recoverySeconds,
    isHealthy: (part) => healthy.has(part),
  });
}

async function onSqlite(stage: Stage) {
  const [frozen, other] = await stage.startSyncs(2);
  if (frozen === undefined || other === undefined)
    throw new Error('startSyncs returned less than two order-syncs');
  await stage.warmUp(8);
  await freezeInWrite(stage, frozen, stage.database.url.slice('sqlite:'.length));
  stage.faultBegins('order-sync-1 is frozen with the write lock');
  await stage.wait(SQLITE_FROZEN_SECONDS);
  process.kill(frozen.pid, 'SIGCONT');
  const wokenAtMs = performance.now();
  stage.say('order-sync-1 is woken');
  const recoverySeconds = await stage.caughtUp(stage.feeder.ends(), RECOVERY_LIMIT_SECONDS + 10, wokenAtMs);
  return conclude(stage, {
    seen: `order-sync-1 held the write lock for ${SQLITE_FROZEN_SECONDS} s`,
    recoverySeconds,
    mustTurnRed: true,
  });
}
