/** Rows of the table `orders` are deleted and changed, and the table is dropped, while order-sync runs and restarts. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';
import { eventOf, readyOrderOf } from './events.ts';
import type { Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const DAMAGES = ['deleted', 'altered', 'set-back'] as const;
const MOMENTS = ['running', 'restarted'] as const;
const ORDERS_EACH = 10;
const PATIENCE_SECONDS = 40;

export const lostView: Scenario = {
  name: 'lost-view',
  plan: 'rows of `orders` are deleted, changed and set to an old version, and the table is dropped, while order-sync runs and restarts; then each order gets one more event',
  limitSeconds: 240,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context);
    const [sync] = await stage.startSyncs(1);
    if (sync === undefined) throw new Error('startSyncs returned no order-sync');
    await stage.warmUp(4);
    const ids = MOMENTS.flatMap((moment) =>
      DAMAGES.flatMap((damage) =>
        Array.from({ length: ORDERS_EACH }, (_, number) => `${moment}-${damage}-${number}`),
      ),
    );
    const all = [...ids, 'dropped-running', 'dropped-restarted'];
    stage.give(all.flatMap((id) => readyOrderOf(stage.topics, id)));
    await stage.feeder.acknowledgedAll();
    await stage.caughtUp(stage.feeder.ends(), 30);
    await stage.targetCaughtUp(30);

    stage.faultBegins('Rows are damaged while order-sync runs');
    let damaged = await damage(stage, 'running');
    stage.give(ids.filter((id) => id.startsWith('running-')).map((id) => oneMore(stage, id, 1)));
    await stage.feeder.acknowledgedAll();
    const runningSeconds = await stage.caughtUp(stage.feeder.ends(), PATIENCE_SECONDS);
    stage.say(`all events were journaled ${runningSeconds} s after the damage while order-sync runs`);

    await sync.stop();
    damaged += await damage(stage, 'restarted');
    sync.start();
    await sync.ready().catch((error: Error) => stage.say(error.message));
    stage.give(ids.filter((id) => id.startsWith('restarted-')).map((id) => oneMore(stage, id, 1)));
    await stage.feeder.acknowledgedAll();
    const restartedSeconds = await stage.caughtUp(stage.feeder.ends(), PATIENCE_SECONDS);
    stage.say(`all events were journaled ${restartedSeconds} s after the damage during a restart`);

    await change(stage, ['DROP TABLE orders']);
    stage.say('the table is dropped while order-sync runs');
    stage.give([oneMore(stage, 'dropped-running', 2)]);
    await stage.wait(5);
    const hadTable = await stage.tables((tables) => tables.count('orders')).catch(() => null);
    await sync.stop();
    sync.start();
    await sync.ready().catch((error: Error) => stage.say(error.message));
    stage.give([...all].map((id) => oneMore(stage, id, 3)));
    await stage.feeder.acknowledgedAll();
    const droppedSeconds = await stage.caughtUp(stage.feeder.ends(), PATIENCE_SECONDS);
    stage.say(`all events were journaled ${droppedSeconds} s after the table was dropped`);
    const seconds = [runningSeconds, restartedSeconds, droppedSeconds];
    return conclude(stage, {
      seen: damaged > 0 ? `${damaged} rows damaged, and the table dropped` : '',
      recoverySeconds: seconds.includes(null) ? null : Math.max(...(seconds as number[])),
      more: {
        running_seconds: runningSeconds,
        restarted_seconds: restartedSeconds,
        dropped_seconds: droppedSeconds,
        table_was_back_without_a_restart: hadTable !== null,
      },
    });
  },
};

function oneMore(stage: Stage, id: string, number: number) {
  return eventOf(stage.topics, id, 'PAYMENT_AUTH_WITHPENDING_REVIEW', number);
}

/** Damages rows, and returns the number of changed rows. */
function damage(stage: Stage, moment: (typeof MOMENTS)[number]): Promise<number> {
  const these = (kind: (typeof DAMAGES)[number]) => `order_id IN (${idsOf(moment, kind).join(', ')})`;
  return change(stage, [
    `DELETE FROM orders WHERE ${these('deleted')}`,
    `UPDATE orders SET payment_status = 'AUTHORIZATION_REVIEW_DECLINED', ready_to_send = FALSE WHERE ${these('altered')}`,
    `UPDATE orders SET payment_status = NULL, ready_to_send = FALSE, version = 1 WHERE ${these('set-back')}`,
  ]);
}

/** Writes the ids as byte strings, which every store compares exactly. */
function idsOf(moment: string, kind: string): string[] {
  return Array.from({ length: ORDERS_EACH }, (_, number) => {
    const hex = Buffer.from(`${moment}-${kind}-${number}`).toString('hex');
    return `X'${hex}'`;
  });
}

async function change(stage: Stage, statements: readonly string[]): Promise<number> {
  const url = stage.databaseUrl();
  let changed = 0;
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length), { timeout: 20_000 });
    for (const statement of statements) {
      // SQLite may hold the ids as text or as bytes.
      const sql = statement.replace('order_id IN', 'CAST(order_id AS BLOB) IN');
      changed += Number(database.prepare(sql).run().changes);
    }
    database.close();
    return changed;
  }
  const connection = await mysql.createConnection({ uri: url });
  for (const statement of statements) {
    const [result] = await connection.query<mysql.ResultSetHeader>(statement);
    changed += result.affectedRows ?? 0;
  }
  await connection.end();
  return changed;
}
