/** A gateway answers every request that carries one certain order with 400, whether the request has one state or many. */

import { readyOrderOf } from './events.ts';
import { startGateway } from './gateway.ts';
import type { Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const BATCH = 256;
/** The number of orders. The sender begins with single states, and needs this many to reach large requests. */
const ORDERS = 12 * BATCH;
/** The refused request must have at least 64 states, so that the check shows that the other states are delivered. */
const LARGE = BATCH / 4;
const PATIENCE_SECONDS = 40;

export const oneBadOf256: Scenario = {
  name: 'one-bad-of-256',
  plan: `${ORDERS} orders wait in the ledger; the first large request is answered with 400, and so is every request with the order in its middle`,
  limitSeconds: 150,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context, { targetSettings: { ORDER_MGT_BATCH_MAX: String(BATCH) } });
    const gateway = await startGateway(stage.check, () => stage.target.port);
    const [silent] = await stage.startSyncs(1, { ORDER_SYNC_DELIVER: 'false' });
    const ids = Array.from({ length: ORDERS }, (_, number) => `batch-${String(number).padStart(4, '0')}`);
    stage.give(ids.flatMap((id) => readyOrderOf(stage.topics, id)));
    await stage.feeder.acknowledgedAll();
    await stage.caughtUp(stage.feeder.ends(), 30);
    await silent?.stop();
    stage.forget(silent);

    let bad: string | undefined;
    let largest = 0;
    let refused = 0;
    gateway.setRule(({ orderIds }) => {
      if (orderIds.length >= LARGE) bad ??= orderIds[orderIds.length >> 1];
      if (bad === undefined || !orderIds.includes(bad)) return undefined;
      refused++;
      largest = Math.max(largest, orderIds.length);
      return { status: 400 };
    });
    const sync = await stage.orderSync('order-sync-2', { ORDER_SYNC_TARGET_URL: gateway.url });
    sync.start();
    await sync.ready();
    stage.faultBegins('order-sync delivers, and one order of a large request is answered with 400');
    const isDone = () => ids.every((id) => id === bad || gateway.storedAtMs.has(id));
    const recoverySeconds = await stage.until(PATIENCE_SECONDS, isDone);
    const missing = ids.filter((id) => id !== bad && !gateway.storedAtMs.has(id)).length;
    return conclude(stage, {
      seen:
        bad === undefined
          ? ''
          : `${refused} requests with the order ${bad} refused, the largest with ${largest} states`,
      recoverySeconds,
      isHealthy: (part) => part !== 'target',
      parked: new Set(bad === undefined ? [] : [bad]),
      mustBeDead: bad === undefined ? [] : [bad],
      more: { others_missing: missing, refused_requests: refused, largest_refused_request: largest },
    });
  },
};
