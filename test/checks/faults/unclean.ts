/** A leader election loses records, and other records take their offsets. The partition must halt and report that. */
import { eventOf } from './events.ts';
import { resume } from './operator.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const LEADER = 2;
const FOLLOWER = 3;
const LOST = 40;
/** The number of replacing records. With them the new log ends behind the old one. */
const REPLACED = 80;
const HALT_SECONDS = 40;

export const unclean: Scenario = {
  name: 'unclean',
  plan: `a follower that lacks ${LOST} journaled records becomes leader, and ${REPLACED} other records take their place; order-sync, killed meanwhile, halts the partition, and an operator resumes it from the beginning`,
  limitSeconds: 300,
  prepare: (ground) => ground.threeBrokers(),
  notApplicable: () => null,
  async run(context) {
    const cluster = await context.ground.threeBrokers();
    const stage = await Stage.open(context, {
      log: 'kafka',
      cluster,
      partitions: [1, 1],
      acks: 1,
      makeTopics: ({ order, payment }) =>
        cluster.createTopics([
          {
            name: order,
            replicas: [[LEADER, FOLLOWER]],
            configs: { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' },
          },
          { name: payment, replicas: [[1]] },
        ]),
    });
    const place = `${stage.topics.order}/0`;
    const [sync] = await stage.startSyncs(1);
    if (sync === undefined) throw new Error('startSyncs returned no order-sync');
    await stage.warmUp(5);
    await stage.feeder.stop();
    await stage.wait(2);

    await cluster.killBroker(FOLLOWER);
    await stage.until(30, async () => (await cluster.leadersOf(stage.topics.order))?.[0] === LEADER);
    const lost = Array.from({ length: LOST }, (_, number) =>
      eventOf(stage.topics, `lost-by-the-log-${number}`, 'CREATED', number),
    );
    stage.give(lost);
    await stage.feeder.acknowledgedAll();
    const endBefore = stage.feeder.ends().get(place) ?? 0n;
    await stage.caughtUp(stage.feeder.ends(), 30);
    stage.faultBegins(`The leader dies with ${LOST} records that only it and the journal have`);
    // order-sync must not read before the new log is as long as the old one. Then no offset is out of range.
    await sync.kill();
    await cluster.killBroker(LEADER);
    await cluster.startBroker(FOLLOWER);
    await stage.until(40, async () => (await cluster.leadersOf(stage.topics.order))?.[0] === FOLLOWER);
    const replaced = Array.from({ length: REPLACED }, (_, number) =>
      eventOf(stage.topics, `in-their-place-${number}`, 'CREATED', number),
    );
    stage.give(replaced);
    await stage.feeder.acknowledgedAll(90_000);
    const endAfter = stage.feeder.ends().get(place) ?? 0n;
    stage.say(`${place} ended at ${endBefore} and ends at ${endAfter} now, under another leader`);
    sync.start();
    await stage.wait(3);
    stage.say('order-sync is started again, and reads the new log');
    const haltSeconds = await stage.until(HALT_SECONDS, async () => (await stage.haltedBy(sync)).has(place));
    if (haltSeconds !== null) stage.say(`halted: ${(await stage.haltedBy(sync)).get(place)}`);
    const wrong = haltSeconds === null ? ['the partition did not halt'] : [];
    await cluster.startBroker(LEADER);
    // The operator resumes the partition only if it has halted.
    if (haltSeconds !== null) stage.say(await resume(stage, place, 'earliest'));
    const resumedAtMs = performance.now();
    const recoverySeconds = await stage.caughtUp(
      stage.feeder.ends(),
      RECOVERY_LIMIT_SECONDS + 15,
      resumedAtMs,
    );
    stage.feeder.start();
    await stage.wait(3);
    return conclude(stage, {
      seen:
        endAfter > 0n && endAfter < endBefore + BigInt(REPLACED)
          ? `the log lost ${endBefore + BigInt(REPLACED) - endAfter} records, and others replaced them`
          : '',
      recoverySeconds,
      mustTurnRed: true,
      isHealthy: (part) => part.startsWith(stage.topics.payment),
      wrong,
      more: { halt_seconds: haltSeconds, end_before: String(endBefore), end_after: String(endAfter) },
    });
  },
};
