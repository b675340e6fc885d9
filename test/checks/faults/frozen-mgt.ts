/** One of two order-mgts on one database is frozen by SIGSTOP inside a transaction, and woken later. */
import { join } from 'node:path';
import { createDatabase } from '../../services/index.ts';
import { localAddress, startProxy } from '../lib/proxy.ts';
import { freezeBeforeCommit, freezeInWrite, openTransactions } from './database-locks.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario, type ScenarioContext } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const SQLITE_FROZEN_SECONDS = 25;
const LOOK_SECONDS = 60;

export const frozenMgt: Scenario = {
  name: 'frozen-mgt',
  plan: 'one of two order-mgts on one database is frozen inside a transaction; requests go to the other one; the first is woken',
  limitSeconds: 240,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context, { withTarget: false });
    return stage.database.isSqlite ? onSqlite(stage) : onServer(stage, context);
  },
};

async function onServer(stage: Stage, { ground }: ScenarioContext) {
  const database = await createDatabase(await ground.server());
  stage.check.defer(() => database.drop());
  const url = new URL(database.url);
  const proxy = await startProxy(stage.check, Number(url.port));
  url.port = String(proxy.port);
  const frozen = await stage.orderMgt('order-mgt-1', { ORDER_MGT_DATABASE_URL: url.href });
  const other = await stage.orderMgt('order-mgt-2', { ORDER_MGT_DATABASE_URL: database.url });
  for (const program of [frozen, other]) {
    program.start();
    await program.ready();
  }
  stage.setTarget(other, database.url);
  // The proxy acts as a load balancer: it sends all requests to one order-mgt, and to the other when the first is dead.
  const front = await startProxy(stage.check, frozen.port);
  await stage.startSyncs(1, { ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${front.port}/api/orders` });
  await stage.warmUp(6);
  const held = await freezeBeforeCommit(
    stage,
    frozen,
    proxy,
    async () => (await openTransactions(database.url)) > 0,
  );
  stage.faultBegins('order-mgt-1 is frozen before its COMMIT; requests go to order-mgt-2');
  front.upstream = localAddress(other.port);
  front.cut();
  await stage.wait(1);
  const recoverySeconds = await stage.targetCaughtUp(LOOK_SECONDS, stage.faultAtMs);
  stage.say(`order-mgt-2 has stored the undelivered orders after ${recoverySeconds} s`);
  held.release();
  process.kill(frozen.pid, 'SIGCONT');
  stage.say('order-mgt-1 is woken');
  await stage.wait(5);
  return conclude(stage, {
    seen: 'order-mgt-1 was frozen inside a transaction that had changed rows',
    recoverySeconds,
    isHealthy: (part) => part !== 'target',
  });
}

async function onSqlite(stage: Stage) {
  const file = join(stage.folder, 'order-mgt.sqlite');
  const settings = { ORDER_MGT_DATABASE_URL: `sqlite:${file}` };
  const frozen = await stage.orderMgt('order-mgt-1', settings);
  const other = await stage.orderMgt('order-mgt-2', settings);
  for (const program of [frozen, other]) {
    program.start();
    await program.ready();
  }
  stage.setTarget(other, `sqlite:${file}`);
  const front = await startProxy(stage.check, frozen.port);
  await stage.startSyncs(1, { ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${front.port}/api/orders` });
  await stage.warmUp(6);
  await freezeInWrite(stage, frozen, file);
  stage.faultBegins('order-mgt-1 is frozen with the write lock; requests go to order-mgt-2');
  front.upstream = localAddress(other.port);
  front.cut();
  // No process can take the lock of a frozen one. order-mgt-2 must report that, and go on when the lock is released.
  await stage.wait(SQLITE_FROZEN_SECONDS);
  process.kill(frozen.pid, 'SIGCONT');
  const wokenAtMs = performance.now();
  stage.say('order-mgt-1 is woken');
  const recoverySeconds = await stage.targetCaughtUp(RECOVERY_LIMIT_SECONDS + 10, wokenAtMs);
  return conclude(stage, {
    seen: `order-mgt-1 held the write lock for ${SQLITE_FROZEN_SECONDS} s`,
    recoverySeconds,
    isHealthy: (part) => part !== 'target',
    mustTurnRed: true,
  });
}
