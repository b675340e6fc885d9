/** The running programs of the story, and what was published. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningCheck } from '../lib/command.ts';
import { Program } from '../lib/programs.ts';
import { Tables } from '../lib/tables.ts';
import { waitFor } from '../lib/waiting.ts';
import type { RawRecord } from '../oracle.ts';
import { Desk } from './desk.ts';
import { type Gateway, startGateway } from './gateway.ts';
import type { Place } from './place.ts';

export const TARGET = 'order-mgt';
const PATIENCE_MS = 90_000;
const GIVES_UP_WITHIN_MS = 1_000;
/** order-sync reads its status once a second for all who ask. */
const STATUS_KEPT_MS = 1_100;
/** Preloaded, it gives the domain a fold with a bug, or the product's as a later version. */
const foldModule = new URL('../rebuild/domain.ts', import.meta.url).href;

export interface Stage {
  readonly check: RunningCheck;
  readonly place: Place;
  readonly desk: Desk;
  readonly gateway: Gateway;
  /** The offset behind the last published record of each partition, by `topic/partition`. */
  readonly ends: ReadonlyMap<string, bigint>;
  /** Where order-sync listens. */
  readonly url: string;
  /** Publishes records, and resolves with their places once order-sync has journaled or refused them. */
  tell(records: readonly RawRecord[]): Promise<readonly Told[]>;
  /** Publishes records without waiting for them. */
  publish(records: readonly RawRecord[]): Promise<readonly Told[]>;
  /** Resolves when everything that is due is delivered. */
  delivered(): Promise<void>;
  /** Waits up to a second, and returns whether order-sync has given up this many deliveries. */
  givesUp(count: number): Promise<boolean>;
  /** Resolves when the next status is read anew. */
  freshStatus(): Promise<void>;
  /**
   * Does the work while the running comparison rests, for 15 s after each pass, because it would repair what the work alters.
   * If the next pass comes too soon, the work is done again.
   */
  whileComparisonRests(work: () => Promise<void>): Promise<void>;
  /** Resolves when `/readyz` answers with this status and says this. */
  readyz(status: number, saying?: string): Promise<void>;
  /** Stops order-sync, does the work, and starts it again with more settings. */
  restart(settings: Readonly<Record<string, string>>, meanwhile?: () => Promise<void>): Promise<void>;
}

/** The place of a published record. */
export interface Told {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Starts the programs. `more` are settings of order-sync beside those of the stage and of the place. */
export async function setStage(
  check: RunningCheck,
  place: Place,
  more: Readonly<Record<string, string>> = {},
): Promise<Stage> {
  const { folder, databaseUrl } = place;
  const target = await Program.create(check, 'order-mgt', `order-mgt-${place.name}`, folder, {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_MGT_DATABASE_URL: `sqlite:${folder}/order-mgt.sqlite`,
  });
  target.start();
  await target.ready();
  const gateway = await startGateway(check, target.port);
  const settings: Record<string, string> = {
    ...place.settings,
    DATABASE_URL: databaseUrl,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_TARGET_URL: `${gateway.url}/api/orders`,
    ORDER_SYNC_DELIVERY_BACKOFF_BASE_MS: '200',
    ORDER_SYNC_DELIVERY_BACKOFF_CAP_MS: '1000',
    // Only the story decides when the target and the view are compared.
    ORDER_SYNC_RECONCILE_EVERY_MS: '0',
    ORDER_SYNC_STUCK_AFTER: '1s',
    NODE_OPTIONS: `--import=${foldModule}`,
    CHECK_FOLD: 'buggy',
    LOG_LEVEL: 'warn',
    ...more,
  };
  let orderSync = await Program.create(check, 'order-sync', 'order-sync', folder, settings);
  const { port } = orderSync;
  const desk = new Desk(check, settings, port);
  const tables = new Tables(databaseUrl);
  check.defer(() => tables.close());
  const ends = new Map<string, bigint>();
  const waiting = (what: string) => ({
    what: `${what} (${place.name})`,
    pauseMs: 50,
    timeoutMs: PATIENCE_MS,
    signal: check.signal,
  });
  const wait = <Answer>(what: string, ask: () => Promise<Answer | undefined>) => waitFor(waiting(what), ask);
  orderSync.start();
  await orderSync.ready();

  const passes = async () => {
    const { answer } = await desk.request('/pipeline');
    return (answer as { verification: { passes: number } }).verification.passes;
  };
  const publish = async (records: readonly RawRecord[]) => {
    const places = await place.publish(records);
    for (const { topic, partition, offset } of places) ends.set(`${topic}/${partition}`, offset + 1n);
    return places;
  };
  return {
    check,
    place,
    desk,
    gateway,
    ends,
    url: `http://127.0.0.1:${port}`,
    publish,
    async tell(records) {
      const places = await publish(records);
      await wait('order-sync to commit the records', async () => {
        orderSync.assertRunning();
        const checkpoints = await tables.checkpoints();
        return [...ends].every(([name, end]) => (checkpoints.get(name) ?? 0n) >= end) ? true : undefined;
      });
      return places;
    },
    async delivered() {
      const instead = async () =>
        [`Pending at ${Date.now()}:`, ...(await tables.pendingLines()), orderSync.logTail()].join('\n');
      await waitFor({ ...waiting('everything to be delivered'), instead }, async () =>
        (await tables.pendingDeliveries()) === 0 ? true : undefined,
      );
    },
    async givesUp(count) {
      const untilMs = performance.now() + GIVES_UP_WITHIN_MS;
      while ((await tables.deadDeliveries()) < count) {
        if (performance.now() > untilMs) return false;
        await sleep(50, undefined, { signal: check.signal });
      }
      return true;
    },
    freshStatus: () => sleep(STATUS_KEPT_MS, undefined, { signal: check.signal }),
    whileComparisonRests: (work) =>
      desk.until(async () => {
        const before = await passes();
        const now = await wait('the next pass of the running comparison', async () => {
          const next = await passes();
          return next > before ? next : undefined;
        });
        await work();
        return (await passes()) === now;
      }),
    async readyz(status, saying = '') {
      await wait(`/readyz to answer ${status} ${saying}`, async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
        const text = (await answer?.text()) ?? '';
        return answer?.status === status && text.includes(saying) ? true : undefined;
      });
    },
    async restart(more, meanwhile = async () => {}) {
      await orderSync.stop();
      await meanwhile();
      Object.assign(settings, more);
      orderSync = await Program.create(check, 'order-sync', 'order-sync', folder, {
        ...settings,
        ORDER_SYNC_PORT: String(port),
      });
      orderSync.start();
      await wait('order-sync to listen', async () => {
        orderSync.assertRunning();
        const answer = await fetch(`http://127.0.0.1:${port}/livez`).catch(() => null);
        return answer?.ok === true ? true : undefined;
      });
    },
  };
}
