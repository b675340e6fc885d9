/** One order gets a million events. One more event must cost at most three times as much as after a thousand events. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';
import { measureHotEntity } from '../lib/hot-entity.ts';
import { peakMemoryMibOf } from '../lib/process-usage.ts';
import type { RawRecord } from '../oracle.ts';
import { median } from './median.ts';
import type { Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

const HOT = 'hot-entity';
const MARKS = [1_000, 10_000, 100_000, 1_000_000] as const;
/** The number of single events that are timed at each mark. The figure is their median. */
const SAMPLES = 31;
const CHUNK = 10_000;
const LIMIT_RATIO = 3;
const PATIENCE_SECONDS = 600;
const STATUSES = [
  'PAYMENT_AUTHORIZED',
  'PAYMENT_AUTH_WITHPENDING_REVIEW',
  'AUTHORIZATION_REVIEW_ACCEPTED',
] as const;

export const hotEntity: Scenario = {
  name: 'hot-entity',
  plan: `one order gets up to --hot-events events; at ${MARKS.join(', ')} order-sync is started again, and ${SAMPLES} single events are timed`,
  limitSeconds: 1_500,
  notApplicable: () => null,
  async run(context) {
    const stage = await Stage.open(context, { withTarget: false });
    const [sync] = await stage.startSyncs(1);
    if (sync === undefined) throw new Error('startSyncs returned no order-sync');
    const versions = await watchVersion(stage);
    stage.faultBegins('One order gets all events');
    const figures = new Map<number, { ms: number; coldMs: number; peakMib: number; bulkPeakMib: number }>();
    let count = 0;
    for (const mark of MARKS.filter((each) => each <= context.hotEvents)) {
      while (count < mark) {
        const chunk = Math.min(CHUNK, mark - count);
        stage.give(Array.from({ length: chunk }, (_, index) => hotEvent(stage, count + index)));
        count += chunk;
        await stage.feeder.acknowledgedAll(120_000);
      }
      const caughtUp = await stage.caughtUp(stage.feeder.ends(), PATIENCE_SECONDS);
      if (caughtUp === null) throw new Error(`${mark} events were not journaled in ${PATIENCE_SECONDS} s`);
      const bulkPeakMib = peakMemoryMibOf(sync.pid);
      await sync.stop();
      sync.start();
      await sync.ready();
      const one = async () => {
        const startedAtMs = performance.now();
        stage.give([hotEvent(stage, count++)]);
        await versions.reaches(count);
        return performance.now() - startedAtMs;
      };
      const coldMs = await one();
      const samples: number[] = [];
      for (let sample = 0; sample < SAMPLES; sample++) samples.push(await one());
      const ms = median(samples);
      figures.set(mark, { ms, coldMs, peakMib: peakMemoryMibOf(sync.pid), bulkPeakMib });
      stage.say(
        `${mark} events: one more takes ${ms.toFixed(1)} ms, the first after a start ${coldMs.toFixed(1)} ms; ` +
          `${figures.get(mark)?.peakMib} MiB, and ${bulkPeakMib} MiB while they came`,
      );
    }
    await versions.close();
    const all = [...figures.values()];
    const msRatio = ratioOf(all.map(({ ms }) => ms));
    const memoryRatio = ratioOf(all.map(({ peakMib }) => peakMib));
    // A single lane is measured too, because the times through Kafka and two processes would hide 1 ms more per event.
    const own = await context.ground.newDatabase(stage.check, stage.check.temporaryFolder());
    const lane = await measureHotEntity({
      databaseUrl: own.url,
      sizes: MARKS.filter((each) => each <= context.hotEvents),
      progress: (line) => stage.say(`a single lane: ${line}`),
    });
    const laneMsRatio = ratioOf(lane.map(({ event_ms }) => event_ms));
    const laneMemoryRatio = ratioOf(lane.map(({ peak_mib }) => peak_mib));
    const wrong: string[] = [];
    if (laneMsRatio > LIMIT_RATIO)
      wrong.push(`a lane takes ${laneMsRatio} times as long as at ${MARKS[0]} events`);
    if (laneMemoryRatio > LIMIT_RATIO)
      wrong.push(`a lane uses ${laneMemoryRatio} times the memory of ${MARKS[0]} events`);
    if (msRatio > LIMIT_RATIO)
      wrong.push(`one more event takes ${msRatio} times as long as at ${MARKS[0]} events`);
    if (memoryRatio > LIMIT_RATIO)
      wrong.push(`order-sync uses ${memoryRatio} times the memory of ${MARKS[0]} events`);
    const byMark = (figure: 'ms' | 'coldMs' | 'peakMib' | 'bulkPeakMib') =>
      Object.fromEntries([...figures].map(([mark, each]) => [mark, Math.round(each[figure] * 10) / 10]));
    return conclude(stage, {
      seen: `${count} events of one order`,
      recoverySeconds: 0,
      wrong,
      more: {
        one_more_event_ms: byMark('ms'),
        first_event_after_start_ms: byMark('coldMs'),
        peak_memory_mib: byMark('peakMib'),
        peak_memory_mib_while_they_came: byMark('bulkPeakMib'),
        ms_ratio: msRatio,
        memory_ratio: memoryRatio,
        lane,
        lane_ms_ratio: laneMsRatio,
        lane_memory_ratio: laneMemoryRatio,
      },
    });
  },
};

/** Makes the event with this number, from 0. Its revision sorts the events by their numbers. */
function hotEvent({ topics }: Stage, number: number): RawRecord {
  const isOrder = number === 0;
  const status = STATUSES[number % STATUSES.length] as string;
  const body = {
    eventType: isOrder ? 'ORDER' : 'PAYMENT',
    orderId: HOT,
    ...(isOrder ? { orderStatus: 'CREATED' } : { paymentStatus: status }),
    timestamp: new Date(Date.UTC(2025, 0, 1) + number).toISOString(),
    eventId: `h-${number}`,
    revision: number + 1,
  };
  return {
    topic: isOrder ? topics.order : topics.payment,
    key: Buffer.from(HOT),
    value: Buffer.from(JSON.stringify(body)),
    headers: [],
  };
}

interface VersionWatch {
  /** Queries the database until the order has this version. */
  reaches(version: number): Promise<void>;
  close(): Promise<void>;
}

const LOOK_PATIENCE_MS = 120_000;

async function watchVersion(stage: Stage): Promise<VersionWatch> {
  const url = stage.databaseUrl();
  const sql = 'SELECT version FROM orders WHERE order_id = ?';
  let look: () => Promise<number>;
  let close: () => Promise<void>;
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length), { readOnly: true, timeout: 10_000 });
    const statement = database.prepare(sql);
    const asBytes = Buffer.from(HOT);
    look = async () => Number((statement.get(HOT) ?? statement.get(asBytes))?.version ?? 0);
    close = async () => database.close();
  } else {
    const connection = await mysql.createConnection({ uri: url });
    look = async () => {
      const [rows] = await connection.execute<mysql.RowDataPacket[]>(sql, [Buffer.from(HOT)]);
      return Number(rows[0]?.version ?? 0);
    };
    close = () => connection.end();
  }
  return {
    close,
    async reaches(version) {
      const deadlineMs = performance.now() + LOOK_PATIENCE_MS;
      while ((await look()) < version) {
        stage.check.signal.throwIfAborted();
        if (performance.now() > deadlineMs)
          throw new Error(`The order did not reach version ${version} in time`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** Returns the largest figure divided by the first one. */
function ratioOf(figures: readonly number[]): number {
  const [first = 1, ...later] = figures;
  return Math.round((Math.max(first, ...later) / first) * 100) / 100;
}
