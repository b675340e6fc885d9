/** Kafka is down. order-sync must deliver due states and redrive dead deliveries, even if it starts meanwhile. */
import { readyOrderOf } from './events.ts';
import { startGateway } from './gateway.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const DEAD_ORDER = 'refused-at-first';
const PILE_SECONDS = 3;

export const logDown: Scenario = {
  name: 'log-down',
  plan: 'Kafka refuses connections; order-sync is started again, delivers due states, and redrives a dead delivery; then Kafka comes back',
  limitSeconds: 240,
  notApplicable: () => null,
  async run(context) {
    const cluster = await context.ground.kafka();
    const stage = await Stage.open(context, { log: 'kafka' });
    const gateway = await startGateway(stage.check, () => stage.target.port);
    const settings = { KAFKA_BROKERS: cluster.proxied.join(','), ORDER_SYNC_TARGET_URL: gateway.url };
    const [sync] = await stage.startSyncs(1, settings);
    if (sync === undefined) throw new Error('startSyncs returned no order-sync');
    gateway.setRule(({ orderIds }) => (orderIds.includes(DEAD_ORDER) ? { status: 422 } : undefined));
    stage.give(readyOrderOf(stage.topics, DEAD_ORDER));
    await stage.warmUp(3);
    gateway.setRule(() => ({ status: 503 }));
    await stage.wait(PILE_SECONDS);
    await stage.feeder.stop();
    await stage.caughtUp(stage.feeder.ends(), 20);

    stage.faultBegins('Kafka refuses connections, and order-sync is started again');
    for (const proxy of cluster.proxies) proxy.refuse();
    const owed = stage.progress.wrongOrders.size;
    await sync.kill();
    sync.start();
    await stage.wait(3);
    gateway.setRule(null);
    const openedAtMs = performance.now();
    const dueSeconds = await stage.until(
      RECOVERY_LIMIT_SECONDS + 10,
      () => [...stage.progress.wrongOrders].every((id) => id === DEAD_ORDER),
      openedAtMs,
    );
    stage.say(`${owed} due orders were delivered after ${dueSeconds} s`);
    const redrivenAtMs = performance.now();
    const answer = await fetch(`http://127.0.0.1:${sync.port}/api/v1/dead-letters:redrive`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"filter":{}}',
    }).catch(() => null);
    const redriveSeconds = await stage.until(
      RECOVERY_LIMIT_SECONDS + 10,
      () => gateway.storedAtMs.has(DEAD_ORDER),
      redrivenAtMs,
    );
    stage.say(
      `order-sync answered the redrive with ${answer?.status}, and delivered after ${redriveSeconds} s`,
    );

    for (const proxy of cluster.proxies) proxy.heal();
    const healedAtMs = performance.now();
    stage.feeder.start();
    await stage.wait(2);
    const backSeconds = await stage.caughtUp(stage.feeder.ends(), RECOVERY_LIMIT_SECONDS + 10, healedAtMs);
    stage.say(`all events were journaled ${backSeconds} s after Kafka came back`);
    const all = [dueSeconds, redriveSeconds, backSeconds];
    return conclude(stage, {
      seen: owed > 1 ? `${owed} orders were undelivered when Kafka went down` : '',
      recoverySeconds: all.includes(null) ? null : Math.max(...(all as number[])),
      mustTurnRed: true,
      more: { due_seconds: dueSeconds, redrive_seconds: redriveSeconds, log_back_seconds: backSeconds },
    });
  },
};
