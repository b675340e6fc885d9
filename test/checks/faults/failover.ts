/** The database fails over to a replica that lacks the last transactions, under two running order-syncs. */
import { localAddress, startProxy } from '../lib/proxy.ts';
import { eventOf } from './events.ts';
import { startReplicatedDatabase } from './replica.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const ORDERS = 60;
const LAG_SECONDS = 4;
const QUIET_SECONDS = 3;

export const failover: Scenario = {
  name: 'failover',
  plan: `two order-syncs work behind a proxy; the replica lags ${LAG_SECONDS} s of payments behind when it is promoted; then the orders, whose checkpoints it has, get events`,
  limitSeconds: 240,
  notApplicable: (database) =>
    database === 'sqlite' ? 'SQLite is a file: there is no replica to fail over to' : null,
  async run(context) {
    const name = context.ground.database;
    if (name === 'sqlite') throw new Error('SQLite has no replica');
    const servers = await startReplicatedDatabase(context.check, name);
    const primary = new URL(servers.primaryUrl);
    const proxy = await startProxy(context.check, Number(primary.port));
    const proxied = new URL(primary);
    proxied.port = String(proxy.port);
    const stage = await Stage.open(context, { database: { url: servers.primaryUrl, isSqlite: false } });
    const syncs = await stage.startSyncs(2, {
      DATABASE_URL: proxied.href,
      ORDER_SYNC_RECONCILE_EVERY_MS: '5000',
      // What was lost is read again in several transactions, so that each builds on the one before.
      ORDER_SYNC_BATCH_EVENTS: '10',
    });
    const ids = Array.from({ length: ORDERS }, (_, number) => `failover-${number}`);
    const giveAll = async (status: string, number: number) => {
      stage.give(ids.map((id) => eventOf(stage.topics, id, status, number)));
      await stage.feeder.acknowledgedAll();
      await stage.caughtUp(stage.feeder.ends(), 30);
    };
    await stage.warmUp(6);
    await stage.feeder.stop();
    await giveAll('CREATED', 1);
    await servers.caughtUp();

    // Only payments from here on: the checkpoints of the order topic are the same on both servers.
    await servers.cutOff();
    await giveAll('PAYMENT_AUTHORIZED', 2);
    await giveAll('PAYMENT_AUTH_WITHPENDING_REVIEW', 3);
    await stage.wait(LAG_SECONDS);
    const onPrimary = await stage.tables((tables) => tables.count('event_journal'));
    stage.faultBegins('The primary dies and the replica is promoted');
    await servers.promote();
    stage.databaseUrl = () => servers.replicaUrl;
    proxy.upstream = localAddress(new URL(servers.replicaUrl).port);
    proxy.cut();
    const lacking = onPrimary - (await stage.tables((tables) => tables.count('event_journal')));
    stage.say(`the replica lacks ${lacking} journaled events`);
    // Idle programs find their connections dead and make new ones, without an error that would empty their memory.
    await stage.wait(QUIET_SECONDS);
    // These come from partitions whose checkpoints are intact, to programs that remember the payments.
    stage.give(ids.map((id) => eventOf(stage.topics, id, 'CREATED', 4)));
    await stage.feeder.acknowledgedAll();
    const ends = stage.feeder.ends();
    // Payments would show that their checkpoints went back: they come later.
    await stage.wait(QUIET_SECONDS);
    stage.feeder.start();
    const recoverySeconds = await stage.caughtUp(ends, RECOVERY_LIMIT_SECONDS + 15, stage.faultAtMs);
    stage.say(`everything was journaled again after ${recoverySeconds} s`);
    await stage.wait(8);
    return conclude(stage, {
      seen:
        lacking > 0 ? `the replica lacked ${lacking} journaled events of ${syncs.length} order-syncs` : '',
      recoverySeconds,
      more: { events_that_the_replica_lacked: lacking },
    });
  },
};
