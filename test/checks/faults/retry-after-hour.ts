/** After a quiet time the gateway answers one order with `Retry-After: 3600`. Only that order may wait. */

import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';
import { readyOrderOf } from './events.ts';
import { startGateway } from './gateway.ts';
import type { Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const QUIET_SECONDS = 12;
const ASKED_SECONDS = 3_600;
const OTHERS = 40;
const PATIENCE_SECONDS = 40;

export const retryAfterHour: Scenario = {
  name: 'retry-after-hour',
  plan: `order-sync sends no state for ${QUIET_SECONDS} s; then one order is answered with Retry-After: ${ASKED_SECONDS}, and others become due`,
  limitSeconds: 150,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context);
    const gateway = await startGateway(stage.check, () => stage.target.port);
    await stage.startSyncs(1, { ORDER_SYNC_TARGET_URL: gateway.url });
    await stage.warmUp(3);
    await stage.feeder.stop();
    await stage.targetCaughtUp(20);
    await stage.wait(QUIET_SECONDS);

    const slow = 'asked-to-wait';
    let asked = 0;
    gateway.setRule(({ orderIds }) => {
      if (!orderIds.includes(slow)) return undefined;
      asked++;
      return { status: 429, headers: { 'retry-after': String(ASKED_SECONDS) } };
    });
    give(stage, slow);
    await stage.until(10, () => asked > 0);
    stage.faultBegins(`${slow} was answered with Retry-After: ${ASKED_SECONDS}`);
    const others = Array.from({ length: OTHERS }, (_, number) => `other-${number}`);
    const longest: number[] = [];
    for (const id of others) {
      const givenAtMs = performance.now();
      give(stage, id);
      const left = PATIENCE_SECONDS - Math.max(0, ...longest);
      const seconds = await stage.until(Math.max(1, left), () => gateway.storedAtMs.has(id), givenAtMs);
      longest.push(seconds ?? PATIENCE_SECONDS);
      if (seconds === null) break;
    }
    const waitsSeconds = await waitOf(stage, slow);
    stage.say(
      `${slow} waits for ${waitsSeconds} s; the other orders waited ${Math.max(...longest)} s at most`,
    );
    const isCapped = waitsSeconds < ASKED_SECONDS * 0.9;
    return conclude(stage, {
      seen: asked > 0 ? `${asked} answers asked for ${ASKED_SECONDS} s` : '',
      recoverySeconds: Math.max(...longest),
      healthyPauseSeconds: Math.max(...longest),
      isHealthy: (part) => part !== 'target',
      parked: new Set([slow]),
      wrong: isCapped
        ? []
        : [`the pause that the target asked for is not capped: ${slow} waits for ${waitsSeconds} s`],
      more: { waits_seconds: waitsSeconds },
    });
  },
};

function give(stage: Stage, orderId: string): void {
  stage.give(readyOrderOf(stage.topics, orderId));
}

/** Returns the seconds from now until the next attempt of the order's delivery, by the ledger. */
async function waitOf(stage: Stage, orderId: string): Promise<number> {
  const sql = 'SELECT next_attempt_at AS at FROM deliveries WHERE entity_id = ?';
  const id = Buffer.from(orderId);
  const url = stage.databaseUrl();
  let atMs: number;
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length), { readOnly: true, timeout: 10_000 });
    const row = database.prepare(sql).get(id) ?? database.prepare(sql).get(orderId);
    atMs = Number(row?.at);
    database.close();
  } else {
    const connection = await mysql.createConnection({ uri: url });
    const [rows] = await connection.query<mysql.RowDataPacket[]>(sql, [id]);
    atMs = Number(rows[0]?.at);
    await connection.end();
  }
  return Math.round((atMs - Date.now()) / 1_000);
}
