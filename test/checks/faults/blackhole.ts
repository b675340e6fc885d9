/** Packets to the database, and then to Kafka, are dropped without a reset. Connections from before stay dead. */
import type { TcpProxy } from '../../services/index.ts';
import { startProxy } from '../lib/proxy.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const HOLE_SECONDS = 20;

export const blackhole: Scenario = {
  name: 'blackhole',
  plan: `packets to the database, and then to Kafka, are dropped for ${HOLE_SECONDS} s without a reset; connections from before stay dead`,
  limitSeconds: 300,
  notApplicable: () => null,
  async run(context) {
    const cluster = await context.ground.kafka();
    const stage = await Stage.open(context, { log: 'kafka' });
    const settings: Record<string, string> = { KAFKA_BROKERS: cluster.proxied.join(',') };
    const database = stage.database.isSqlite ? null : await proxyOf(stage, settings);
    await stage.startSyncs(2, settings);
    await stage.warmUp(6);
    stage.faultBegins('Packets are dropped');
    const seconds: Record<string, number | null> = {};
    // SQLite has no network connection, so only packets to Kafka are dropped.
    if (database !== null) seconds.database = await hole(stage, 'the database', [database]);
    await stage.targetCaughtUp(30);
    seconds.kafka = await hole(stage, 'Kafka', cluster.proxies);
    const all = Object.values(seconds);
    return conclude(stage, {
      seen: `${HOLE_SECONDS} s without a packet each: ${Object.keys(seconds).join(', ')}`,
      recoverySeconds: all.includes(null) ? null : Math.max(...(all as number[])),
      mustTurnRed: true,
      more: { recovery_seconds_of: seconds },
    });
  },
};

async function proxyOf(stage: Stage, settings: Record<string, string>): Promise<TcpProxy> {
  const url = new URL(stage.database.url);
  const proxy = await startProxy(stage.check, Number(url.port));
  url.port = String(proxy.port);
  settings.DATABASE_URL = url.href;
  return proxy;
}

/** Drops packets for a while. Returns the seconds from then until all events were journaled; null if they never were. */
async function hole(stage: Stage, what: string, proxies: readonly TcpProxy[]): Promise<number | null> {
  stage.say(`packets to ${what} are dropped`);
  for (const proxy of proxies) proxy.swallow();
  await stage.wait(HOLE_SECONDS);
  for (const proxy of proxies) proxy.heal();
  const healedAtMs = performance.now();
  stage.say(`new connections to ${what} pass again`);
  const seconds = await stage.caughtUp(stage.feeder.ends(), RECOVERY_LIMIT_SECONDS + 15, healedAtMs);
  stage.say(`${what}: journaled again after ${seconds} s`);
  return seconds;
}
