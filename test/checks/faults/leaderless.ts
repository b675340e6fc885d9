/** The only broker of one partition is killed. Only that partition may wait, even if order-sync is started again. */
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const KILLED_BROKER = 2;
const BEFORE_RESTART_SECONDS = 10;
const AFTER_RESTART_SECONDS = 25;

export const leaderless: Scenario = {
  name: 'leaderless',
  plan: 'of three brokers, the only one with partition 0 of the order topic is killed; one of two order-syncs is killed and started again; the broker comes back',
  limitSeconds: 300,
  prepare: (ground) => ground.threeBrokers(),
  notApplicable: () => null,
  async run(context) {
    const cluster = await context.ground.threeBrokers();
    const stage = await Stage.open(context, {
      log: 'kafka',
      cluster,
      makeTopics: ({ order, payment }) =>
        cluster.createTopics([
          { name: order, replicas: [[KILLED_BROKER], [1], [3], [1]] },
          { name: payment, replicas: [[1], [3], [1], [3]] },
        ]),
    });
    const [restarted] = await stage.startSyncs(2);
    await stage.warmUp(6);
    const dead = `${stage.topics.order}/0`;
    stage.faultBegins(`Broker ${KILLED_BROKER} is killed, and with it the only replica of ${dead}`);
    await cluster.killBroker(KILLED_BROKER);
    await stage.wait(BEFORE_RESTART_SECONDS);
    const leaders = await cluster.leadersOf(stage.topics.order);
    await restarted?.kill();
    restarted?.start();
    stage.say('order-sync-1 was killed and is started again');
    await stage.wait(AFTER_RESTART_SECONDS);
    const owned = restarted === undefined ? 0 : (await stage.ownedBy(restarted)).size;
    // After the restart the partitions wait until Kafka ends the session of the killed member. They are measured apart.
    const others = new Map([...stage.feeder.ends()].filter(([place]) => place !== dead));
    const flowSeconds = await stage.caughtUp(others, RECOVERY_LIMIT_SECONDS);
    await cluster.startBroker(KILLED_BROKER);
    const backAtMs = performance.now();
    stage.say(`broker ${KILLED_BROKER} is back; the restarted order-sync owned ${owned} partitions`);
    const recoverySeconds = await stage.caughtUp(stage.feeder.ends(), RECOVERY_LIMIT_SECONDS + 15, backAtMs);
    const wrong: string[] = [];
    if (owned === 0)
      wrong.push('the restarted order-sync got no partition while one partition had no leader');
    if (flowSeconds === null) wrong.push('order-sync did not read the partitions with a leader to their end');
    return conclude(stage, {
      seen: leaders === null || leaders[0] === -1 ? `${dead} had no leader` : '',
      recoverySeconds,
      // The partitions of the killed order-sync wait until Kafka ends its session, which takes 10 s by default.
      isHealthy: () => false,
      healthyPauseSeconds: Math.max(0, pauseOfOthers(stage, dead)),
      mustTurnRed: true,
      wrong,
      more: { owned_after_restart: owned },
    });
  },
};

/** Returns the longest standstill of a partition with a leader before the restart, in seconds. */
function pauseOfOthers(stage: Stage, dead: string): number {
  const untilMs = stage.faultAtMs + BEFORE_RESTART_SECONDS * 1_000;
  const standstills = stage.progress.standstills
    .between(stage.faultAtMs, untilMs)
    .filter(({ part }) => part !== dead && part !== 'target');
  const longestMs = Math.max(0, ...standstills.map(({ fromMs, toMs }) => Math.min(toMs, untilMs) - fromMs));
  return Math.round(longestMs / 100) / 10;
}
