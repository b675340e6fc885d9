/** One order-sync has a wrong clock, another a right one. The deliveries that are due must not depend on either clock. */
import { randomBytes } from 'node:crypto';
import type { Scenario, ScenarioContext } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const HOUR_MS = 3_600_000;
/** The clock of the sender is six minutes off. order-mgt refuses signatures that are more than five minutes off. */
const SIGNED_OFF_MS = 6 * 60_000;
const INGEST_SECONDS = 4;
const REFUSED_SECONDS = 8;
const PATIENCE_SECONDS = 40;

export const clockAhead: Scenario = scenarioOf('clock-ahead', 'ahead', 1);
export const clockBehind: Scenario = scenarioOf('clock-behind', 'behind', -1);

function scenarioOf(name: string, side: string, sign: 1 | -1): Scenario {
  return {
    name,
    plan: `an order-sync with a clock one hour ${side} ingests, and one with a right clock delivers; then the clock of the only sender is six minutes ${side}`,
    limitSeconds: 200,
    notApplicable: () => null,
    run: (context) => play(context, sign),
  };
}

async function play(context: ScenarioContext, sign: 1 | -1) {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const stage = await Stage.open(context, { targetSettings: { ORDER_MGT_SECRET: secret } });
  const signed = { ORDER_SYNC_TARGET_SECRET: secret };
  const wrong = await stage.orderSync('order-sync-off', {
    ...signed,
    ...shiftedBy(sign * HOUR_MS),
    ORDER_SYNC_DELIVER: 'false',
  });
  wrong.start();
  await wrong.ready();
  stage.feeder.start();
  stage.faultBegins('order-sync-off ingests with a clock one hour off');
  await stage.wait(INGEST_SECONDS);
  // The second order-sync begins to deliver after the first has made states due.
  const right = await stage.orderSync('order-sync-right', signed);
  right.start();
  await right.ready();
  const fromMs = performance.now();
  const firstSeconds = await stage.targetCaughtUp(PATIENCE_SECONDS, fromMs);
  stage.say(`the states that became due under the wrong clock were delivered after ${firstSeconds} s`);
  await stage.wait(INGEST_SECONDS);
  const stillSeconds = await stage.targetCaughtUp(PATIENCE_SECONDS);
  await wrong.stop();
  await right.stop();
  stage.forget(wrong);
  stage.forget(right);

  const sender = await stage.orderSync('order-sync-signing', {
    ...signed,
    ...shiftedBy(sign * SIGNED_OFF_MS),
  });
  sender.start();
  await sender.ready();
  stage.say('the clock of the only sender is six minutes off, and order-mgt refuses its signatures');
  await stage.wait(REFUSED_SECONDS);
  const refused = stage.progress.wrongOrders.size;
  await sender.stop();
  stage.forget(sender);
  const mended = await stage.orderSync('order-sync-mended', signed);
  mended.start();
  await mended.ready();
  const mendedAtMs = performance.now();
  const mendedSeconds = await stage.targetCaughtUp(PATIENCE_SECONDS, mendedAtMs);
  stage.say(`with the right clock again all states were delivered after ${mendedSeconds} s`);
  const all = [firstSeconds, stillSeconds, mendedSeconds];
  return conclude(stage, {
    seen: refused > 0 ? `${refused} orders were undelivered while order-mgt refused the signatures` : '',
    recoverySeconds: all.includes(null) ? null : Math.max(...(all as number[])),
    more: { first_seconds: firstSeconds, side_by_side_seconds: stillSeconds, mended_seconds: mendedSeconds },
  });
}

/** Returns settings that preload a module. It shifts the wall clock of the program, and not its monotonic clock. */
function shiftedBy(ms: number): Record<string, string> {
  const module = new URL('./shifted-clock.ts', import.meta.url);
  return { NODE_OPTIONS: `--import=${module.href}`, CHECK_CLOCK_SHIFT_MS: String(ms) };
}
