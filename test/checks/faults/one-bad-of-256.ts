/** A gateway answers every request that carries one certain order with 400, be it alone or one of 256. */
import { readyOrder } from '../lib/embedded-log.ts';
import { startGateway } from './gateway.ts';
import type { Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const ORDERS = 256;
const PATIENCE_SECONDS = 40;

export const oneBadOf256: Scenario = {
  name: 'one-bad-of-256',
  plan: `${ORDERS} orders become due at once; whatever request carries a certain one of them is answered with 400`,
  limitSeconds: 150,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context);
    const gateway = await startGateway(stage.check, () => stage.target.port);
    await stage.startSyncs(1, { ORDER_SYNC_TARGET_URL: gateway.url });
    await stage.warmUp(4);
    const ids = Array.from({ length: ORDERS }, (_, number) => `batch-${String(number).padStart(3, '0')}`);
    const bad = ids[ORDERS / 2] as string;
    // Until the gateway lets anything through, what is due piles up, so that it comes in large batches.
    gateway.setRule(() => ({ status: 503 }));
    stage.faultBegins(`${bad} is answered with 400`);
    const records = ids.flatMap((id) => readyOrder(id));
    stage.give(
      records.map((record) => ({
        ...record,
        topic: record.topic === 'order_events' ? stage.topics.order : stage.topics.payment,
      })),
    );
    await stage.feeder.acknowledgedAll();
    await stage.caughtUp(stage.feeder.ends(), 30);
    let largest = 0;
    let refusedWith = 0;
    gateway.setRule(({ orderIds }) => {
      if (!orderIds.includes(bad)) return undefined;
      refusedWith++;
      largest = Math.max(largest, orderIds.length);
      return { status: 400 };
    });
    const openedAtMs = performance.now();
    const isDone = () => ids.every((id) => id === bad || gateway.storedAtMs.has(id));
    const recoverySeconds = await stage.until(PATIENCE_SECONDS, isDone, openedAtMs);
    const missing = ids.filter((id) => id !== bad && !gateway.storedAtMs.has(id)).length;
    return conclude(stage, {
      seen:
        largest > 1
          ? `${refusedWith} requests with the bad order were refused, the largest had ${largest} states`
          : '',
      recoverySeconds,
      isHealthy: (part) => part !== 'target',
      parked: new Set([bad]),
      more: { others_missing: missing, largest_refused_batch: largest },
    });
  },
};
