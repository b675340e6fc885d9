/** Two orders cannot be folded: the decoder refuses an old body of one, and the fold of the other throws. */
import { eventOf, readyOrderOf } from './events.ts';
import { orderSyncCommand } from './operator.ts';
import type { Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const OLD_ORDER = 'unfoldable-old';
const THROWING_ORDER = 'unfoldable-throwing';
const PATIENCE_SECONDS = 40;

export const unfoldable: Scenario = {
  name: 'unfoldable',
  plan: 'after a roll-back the program refuses a journaled body of one order, and the fold of another throws; both are parked, all others go on, and both go on when the program understands them',
  limitSeconds: 240,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context);
    const [young] = await stage.startSyncs(1, preloaded({}));
    await stage.warmUp(4);
    stage.give([OLD_ORDER, THROWING_ORDER].flatMap((id) => readyOrderOf(stage.topics, id)));
    await stage.feeder.acknowledgedAll();
    await stage.caughtUp(stage.feeder.ends(), 30);
    await stage.targetCaughtUp(20);
    await young?.stop();
    stage.forget(young);

    // The rolled-back program refuses a body in the journal, and its fold throws for one order.
    const rolledBack = await stage.orderSync('order-sync-rolled-back', {
      ...preloaded({ CHECK_REFUSED_ORDER: OLD_ORDER, CHECK_THROWING_ORDER: THROWING_ORDER }),
    });
    rolledBack.start();
    await rolledBack.ready();
    stage.faultBegins('order-sync is rolled back to a program that cannot fold two orders');
    const ids = [OLD_ORDER, THROWING_ORDER];
    stage.give(ids.map((id) => eventOf(stage.topics, id, 'PAYMENT_AUTH_WITHPENDING_REVIEW', 1)));
    await stage.feeder.acknowledgedAll();
    const ends = stage.feeder.ends();
    const flowSeconds = await stage.caughtUp(ends, PATIENCE_SECONDS);
    const flowedAtMs = performance.now();
    stage.say(`all partitions went on after ${flowSeconds} s`);
    const listed = await orderSyncCommand(stage, ['parked', '--json']);
    const named = ids.filter((id) => listed.text.includes(id) && rolledBack.logText().includes(id));
    stage.say(`order-sync parked: ${listed.text}`);
    await rolledBack.stop();
    stage.forget(rolledBack);

    const mended = await stage.orderSync('order-sync-mended');
    mended.start();
    await mended.ready();
    const unparked = await orderSyncCommand(stage, ['unpark', '--all', '--reason', 'the fold is mended']);
    stage.say(`order-sync unpark --all ended with ${unparked.code}: ${unparked.text}`);
    const wrong: string[] = [];
    if (named.length < ids.length)
      wrong.push(`log and command name only ${JSON.stringify(named)} of the two orders`);
    if (unparked.code !== 0) wrong.push(`order-sync unpark --all ended with ${unparked.code}`);
    return conclude(stage, {
      seen: 'each of the two orders that the program could not fold got one more event',
      recoverySeconds: flowSeconds,
      isHealthy: () => true,
      healthyUntilMs: flowedAtMs,
      wrong,
    });
  },
};

/** Returns settings that preload the module which breaks the orders in the variables. */
function preloaded(variables: Readonly<Record<string, string>>): Record<string, string> {
  const module = new URL('./unfoldable-domain.ts', import.meta.url);
  return { NODE_OPTIONS: `--import=${module.href}`, ...variables };
}
