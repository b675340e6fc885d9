import type { Readiness } from '../shared/http/health.ts';
import type { GroupCommit } from './group-commit.ts';
import type { OrderStates } from './states.ts';

/** A transaction that has not been answered for this time makes the program not ready. */
const STANDSTILL_MS = 15_000;
/** A caller that asks for the health gets an answer within this time, even if the database gives none. */
const HEALTH_DEADLINE_MS = 5_000;

const STOPPED = 'The program is stopping.';
export const STOPPING: Readiness = { ok: false, code: 'stopping', reason: STOPPED, summary: STOPPED };

/** Whether the program can take deliveries now. */
export async function readinessOf(states: OrderStates, groupCommit: GroupCommit): Promise<Readiness> {
  const { unansweredMs } = groupCommit;
  if (unansweredMs >= STANDSTILL_MS) {
    const reason = `The database has not answered a transaction for ${Math.floor(unansweredMs / 1_000)} s.`;
    return { ok: false, code: 'store_unreachable', reason, summary: reason };
  }
  const health = await healthInTime(states);
  if (health.ok) return health;
  return {
    ok: false,
    code: 'store_unreachable',
    reason: health.reason,
    summary: 'database: not reachable',
  };
}

async function healthInTime(states: OrderStates): ReturnType<OrderStates['health']> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ ok: false; reason: string }>((resolve) => {
    const reason = `The database has not answered for ${HEALTH_DEADLINE_MS / 1_000} s.`;
    timer = setTimeout(() => resolve({ ok: false, reason }), HEALTH_DEADLINE_MS);
  });
  try {
    return await Promise.race([states.health(), late]);
  } finally {
    clearTimeout(timer);
  }
}
