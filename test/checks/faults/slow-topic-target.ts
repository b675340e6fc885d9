/** The target is a topic of Kafka. The append of one instance is held back for longer than its delivery's deadline. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTopics } from '../lib/kafka-client.ts';
import { eventOf, readyOrderOf } from './events.ts';
import { type ReadRecord, readTopic } from './read-topic.ts';
import type { Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

/** The append is held back for 20 s. The default deadline of a delivery is 15 s. */
const HELD_SECONDS = 20;
const ORDERS = 5;
const PREFIX = 'slow-append-';
const PATIENCE_SECONDS = 60;
const LATE_SECONDS = 15;

export const slowTopicTarget: Scenario = {
  name: 'slow-topic-target',
  plan: `the target is a topic; the append of one instance is held back for ${HELD_SECONDS} s; meanwhile its orders are declined and another instance delivers`,
  limitSeconds: 240,
  notApplicable: () => null,
  async run(context) {
    const cluster = await context.ground.kafka();
    const stage = await Stage.open(context, { log: 'kafka' });
    const states = stage.topics.order.replace('order_events', 'order_states');
    await createTopics(cluster.brokers, new Map([[states, 1]]));
    const file = join(stage.folder, 'targets.json');
    writeFileSync(file, JSON.stringify([{ name: 'states', topic: states, tombstones: 'not_ready' }]));
    const settings = { ORDER_SYNC_TARGETS_FILE: file };
    const proxied = { ...settings, KAFKA_BROKERS: cluster.proxied.join(',') };
    const slow = await stage.orderSync('order-sync-slow', proxied);
    slow.start();
    await slow.ready();
    await stage.warmUp(4);

    const ids = Array.from({ length: ORDERS }, (_, number) => `${PREFIX}${number}`);
    // Only the slow instance uses this proxy, and it sends these order ids only in states.
    const holding = cluster.proxies[0]?.holdNext((bytes) => (bytes.includes(PREFIX) ? 0 : -1));
    stage.give(ids.flatMap((id) => readyOrderOf(stage.topics, id)));
    const held = await Promise.race([
      holding,
      stage.wait(30).then(() => Promise.reject(new Error('No state was appended to the topic within 30 s'))),
    ]);
    stage.faultBegins('The append of the ready states is held back');
    const quick = await stage.orderSync('order-sync-quick', settings);
    quick.start();
    await quick.ready();
    stage.give(ids.map((id) => eventOf(stage.topics, id, 'AUTHORIZATION_REVIEW_DECLINED', 1)));
    await stage.wait(Math.max(0, HELD_SECONDS - (performance.now() - stage.faultAtMs) / 1_000));
    held?.release();
    const releasedAtMs = performance.now();
    stage.say('the append is released');
    let records: readonly ReadRecord[] = [];
    const isAllThere = async () => {
      records = await readTopic(cluster.brokers, states);
      return ids.every((id) =>
        versionsOf(records, id).includes(stage.oracle.expectedOrder(id)?.version ?? 0),
      );
    };
    const recoverySeconds = await stage.until(PATIENCE_SECONDS, isAllThere, releasedAtMs);
    stage.say(`the last states were in the topic after ${recoverySeconds} s`);
    // The append that was held back may reach the topic even later.
    await stage.wait(LATE_SECONDS);
    await isAllThere();
    const older = ids.filter(
      (id) => versionsOf(records, id).at(-1) !== stage.oracle.expectedOrder(id)?.version,
    );
    for (const id of older) stage.say(`${id}: versions ${versionsOf(records, id).join(', ')} in the topic`);
    return conclude(stage, {
      seen: held === undefined ? '' : `the append of ready states was held back for ${HELD_SECONDS} s`,
      recoverySeconds,
      isHealthy: (part) => part === 'target',
      wrong: older.length > 0 ? [`the topic ends with an older state of ${older.length} orders`] : [],
      more: { older_states_last: older.length },
    });
  },
};

/** Returns the versions of an order's states in the sequence of the topic. A delivery's id ends with the version. */
function versionsOf(records: readonly ReadRecord[], orderId: string): number[] {
  return records
    .filter(({ key }) => key === orderId)
    .map(({ headers }) => Number(headers.get('webhook-id')?.split(':').at(-1)));
}
