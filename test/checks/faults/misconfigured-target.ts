/** A gateway before order-mgt refuses every request for a while, as after a deploy, an expired key or a wrong route. */
import { startGateway } from './gateway.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const STATUSES = [401, 403, 404, 405, 407, 413] as const;
const REFUSED_SECONDS = 3;

export const misconfiguredTarget: Scenario = {
  name: 'misconfigured-target',
  plan: `a gateway before the target answers every request with ${STATUSES.join(', ')} for ${REFUSED_SECONDS} s each, and hands requests on in between`,
  limitSeconds: 240,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context);
    const gateway = await startGateway(stage.check, () => stage.target.port);
    await stage.startSyncs(1, { ORDER_SYNC_TARGET_URL: gateway.url });
    await stage.warmUp(5);
    stage.faultBegins('The gateway begins to refuse');
    const refused: Record<string, number> = {};
    const recoverySeconds: Record<string, number | null> = {};
    for (const status of STATUSES) {
      const before = gateway.counts.refused;
      gateway.setRule(() => ({ status }));
      await stage.wait(REFUSED_SECONDS);
      gateway.setRule(null);
      const wellAtMs = performance.now();
      refused[status] = gateway.counts.refused - before;
      const handedOn = gateway.counts.handedOn;
      recoverySeconds[status] = await stage.until(
        RECOVERY_LIMIT_SECONDS + 5,
        () => gateway.counts.handedOn > handedOn,
        wellAtMs,
      );
      stage.say(
        `${status}: ${refused[status]} requests refused; the next request came ${recoverySeconds[status]} s after the last refusal`,
      );
    }
    const all = Object.values(recoverySeconds);
    return conclude(stage, {
      seen: Object.values(refused).every((count) => count > 0)
        ? `requests refused: ${JSON.stringify(refused)}`
        : '',
      recoverySeconds: all.includes(null) ? null : Math.max(...(all as number[])),
      isHealthy: (part) => part !== 'target',
      more: { recovery_seconds_of: recoverySeconds },
    });
  },
};
