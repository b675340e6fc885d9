/** The database fails over to a replica that lacks the last transactions, while two order-syncs run. */
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
  plan: `two order-syncs use the database through a proxy; a replica that lacks the payments of the last ${LAG_SECONDS} s is promoted; then orders get events, whose checkpoints it has`,
  limitSeconds: 240,
  notApplicable: (database) => (database === 'sqlite' ? 'SQLite has no replica' : null),
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
      // Small batches make order-sync read the lost events again in several transactions, one after the other.
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

    // From here on only payments are published, so the checkpoints of the order topic are the same on both servers.
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
    // Idle programs replace their dead connections without an error. An error would empty their caches.
    await stage.wait(QUIET_SECONDS);
    // These events are in partitions with intact checkpoints. The programs still have the lost payments in their caches.
    stage.give(ids.map((id) => eventOf(stage.topics, id, 'CREATED', 4)));
    await stage.feeder.acknowledgedAll();
    const ends = stage.feeder.ends();
    // Payments come later, because they would show the programs that their checkpoints went back.
    await stage.wait(QUIET_SECONDS);
    stage.feeder.start();
    const recoverySeconds = await stage.caughtUp(ends, RECOVERY_LIMIT_SECONDS + 15, stage.faultAtMs);
    stage.say(`all events were journaled again after ${recoverySeconds} s`);
    await stage.wait(8);
    return conclude(stage, {
      seen:
        lacking > 0
          ? `the replica lacked ${lacking} events that ${syncs.length} order-syncs had journaled`
          : '',
      recoverySeconds,
      more: { events_that_the_replica_lacked: lacking },
    });
  },
};
