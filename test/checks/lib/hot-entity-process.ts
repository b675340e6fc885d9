/**
 * A process with one lane of ingest on a store, which gets events of one entity. It gets the first events in batches, as
 * in a drain, and the others one by one, each timed until its commit. Its argument is a HotEntityJob in JSON, and it
 * prints a HotEntityAnswer in JSON.
 */
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { type OrderEvent, type OrderState, orders } from '../../../src/orders/index.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { HistoryCache } from '../../../src/pipeline/ingest/history-cache.ts';
import { Lane } from '../../../src/pipeline/ingest/lane.ts';
import { LONG_LIMITS } from '../../../src/pipeline/ingest/long-histories.ts';
import { ParkedRegistry } from '../../../src/pipeline/ingest/parked.ts';
import { QuarantineWatch } from '../../../src/pipeline/ingest/quarantine-watch.ts';
import { Watchdog } from '../../../src/pipeline/ingest/watchdog.ts';
import { WorkTimes } from '../../../src/pipeline/ingest/work-times.ts';
import { Meters } from '../../../src/pipeline/status/meters.ts';
import {
  type EventLogConsumer,
  type FetchedRecords,
  type LogRecord,
  UNKNOWN_LEADER_EPOCH,
} from '../../../src/ports/event-log.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import { NO_TRACING } from '../../../src/ports/tracing.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';

/** The task of the process. */
export interface HotEntityJob {
  readonly databaseUrl: string;
  readonly orderId: string;
  /** The number of events that the order has already. The events from here to `toEvents` are given in batches. */
  readonly fromEvents: number;
  readonly toEvents: number;
  /** The number of events that are given one by one afterwards. */
  readonly singleEvents: number;
  /** The number of events, given one by one too, that stand in the middle of the history. */
  readonly lateEvents: number;
}

export interface HotEntityAnswer {
  readonly batchesMs: number;
  readonly firstMs: number;
  readonly singleMs: readonly number[];
  readonly lateMs: readonly number[];
  readonly peakBytes: number;
  /** The version of the order's row. */
  readonly version: number;
}

const TOPIC = 'payment_events';
const START_MS = Date.UTC(2026, 0, 1);
const BATCH_RECORDS = 2_000;
const STATUSES = ['PAYMENT_AUTHORIZED', 'PAYMENT_AUTH_WITHPENDING_REVIEW'];

/** A log for one lane that holds the given records. */
class GivenLog {
  readonly #waiting: FetchedRecords[] = [];
  #wake = () => {};
  #offset: bigint;

  constructor(offset: bigint) {
    this.#offset = offset;
  }

  give(values: readonly string[], orderId: string): void {
    const records: LogRecord[] = values.map((value) => ({
      offset: this.#offset++,
      key: Buffer.from(orderId),
      value: Buffer.from(value),
      headers: [],
      timestampMs: START_MS,
    }));
    this.#waiting.push({
      topic: TOPIC,
      partition: 0,
      records,
      nextOffset: this.#offset,
      leaderEpoch: UNKNOWN_LEADER_EPOCH,
    });
    this.#wake();
  }

  take: EventLogConsumer['take'] = async (_, __, signal) => {
    while (this.#waiting.length === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return this.#waiting.splice(0, 4);
  };
}

function body(orderId: string, number: number, isLate = false): string {
  const timestamp = new Date(START_MS + number * 1_000 + (isLate ? 500 : 0)).toISOString();
  const paymentStatus = STATUSES[number % STATUSES.length];
  return JSON.stringify({ eventType: 'PAYMENT', orderId, paymentStatus, timestamp });
}

function openStore(url: string): OpenedStore {
  const common = { clock: systemClock, logger: () => {}, targets: ['order-mgt'] };
  return url.startsWith('sqlite:')
    ? openSqliteStore({ ...common, file: url.slice('sqlite:'.length) })
    : openMysqlStore({ ...common, ...mysqlServer(url) });
}

async function run(job: HotEntityJob): Promise<HotEntityAnswer> {
  const { databaseUrl, orderId, fromEvents, toEvents, singleEvents, lateEvents } = job;
  const opened = openStore(databaseUrl);
  const { table, keyColumn, columns } = orders.view;
  const { store } = await opened.migrate({
    view: { table, keyColumn, columns },
    targets: ['order-mgt'],
    adopt: null,
    nowMs: Date.now(),
  });
  const [checkpoint] = await store.acquire([{ topic: TOPIC, partition: 0, topicId: 'hot', startOffset: 0n }]);
  if (checkpoint === undefined) throw new Error('The partition could not be acquired.');
  const log = new GivenLog(checkpoint.nextOffset);
  let consumed = 0;
  let committed = () => {};
  const lane = new Lane<OrderState, OrderEvent>(
    {
      domain: orders,
      decoder: createDecoder(orders, {
        topicNames: { order_events: 'order_events', payment_events: TOPIC },
      }),
      cache: new HistoryCache(200_000),
      parked: new ParkedRegistry(),
      due: new DueRules([{ name: 'order-mgt', qualifies: null }]),
      consumer: { take: log.take } as EventLogConsumer,
      store,
      clock: systemClock,
      logger: (level, message) => process.stderr.write(`${level}: ${message}\n`),
      batchEvents: 8_000,
      longLimits: LONG_LIMITS,
      watchdog: new Watchdog(systemClock, () => {}),
      meters: new Meters(systemClock),
      quarantine: new QuarantineWatch(systemClock, () => {}),
      tracing: NO_TRACING,
      times: new WorkTimes(),
      group: 'hot',
      onCommitted(report) {
        consumed += report.consumed;
        committed();
      },
    },
    [
      {
        topic: TOPIC,
        partition: 0,
        epoch: checkpoint.epoch,
        committed: checkpoint.nextOffset,
        leaderEpoch: checkpoint.leaderEpoch,
      },
    ],
  );
  const running = lane.run().then((end) => {
    if (end.kind !== 'stopped') throw new Error(`The lane ended: ${JSON.stringify(end)} ${String(end)}`);
  });
  const until = async (count: number) => {
    while (consumed < count)
      await Promise.race([
        running,
        new Promise<void>((resolve) => {
          committed = resolve;
        }),
      ]);
  };

  const beganMs = performance.now();
  let given = 0;
  for (let from = fromEvents; from < toEvents; from += BATCH_RECORDS) {
    const values: string[] = [];
    for (let number = from; number < Math.min(toEvents, from + BATCH_RECORDS); number++)
      values.push(body(orderId, number));
    log.give(values, orderId);
    given += values.length;
    if (given - consumed >= 8 * BATCH_RECORDS) await until(given - 6 * BATCH_RECORDS);
  }
  await until(given);
  const batchesMs = performance.now() - beganMs;

  const measured = async (value: string): Promise<number> => {
    const startMs = performance.now();
    log.give([value], orderId);
    await until(++given);
    return performance.now() - startMs;
  };
  let firstMs = 0;
  const singleMs: number[] = [];
  for (let index = 0; index < singleEvents; index++) {
    const ms = await measured(body(orderId, toEvents + index));
    if (index === 0) firstMs = ms;
    else singleMs.push(ms);
  }
  const lateMs: number[] = [];
  for (let index = 0; index < lateEvents; index++)
    lateMs.push(await measured(body(orderId, Math.floor(toEvents / 2) + index * 7, true)));
  lane.stop();
  await running;
  const row = (await store.readView([orderId])).get(orderId);
  await store.close();
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  return { batchesMs, firstMs, singleMs, lateMs, peakBytes, version: row?.version ?? 0 };
}

const answer = await run(JSON.parse(process.argv[2] ?? '{}') as HotEntityJob);
process.stdout.write(`${JSON.stringify(answer)}\n`);
