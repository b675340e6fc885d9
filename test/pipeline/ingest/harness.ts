import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { type EmbeddedLog, openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { ViewValue } from '../../../src/core/domain.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { Ingest } from '../../../src/pipeline/ingest/ingest.ts';
import type { IngestOptions } from '../../../src/pipeline/ingest/options.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { EventLog, EventLogConsumer, NewRecord } from '../../../src/ports/event-log.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import type { LongJournals } from '../../../src/ports/long-journals.ts';
import type { OpenedStore, Store } from '../../../src/ports/store.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';

export const MOVEMENTS = 'stock_movements';
export const COUNTS = 'stock_counts';
export const TARGET = 'purchasing';
export const WAITING = { timeout: 60_000, interval: 10 };

/** Real time, but each wait takes a twentieth of what was asked for. */
export const quickClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
};

/** One movement or count of an article. No two entries of an article have the same minute. */
export interface Entry {
  readonly articleId: string;
  readonly isCount: boolean;
  readonly quantity: number;
  readonly minute: number;
}

export function recordOf({ articleId, isCount, quantity, minute }: Entry, padding = ''): NewRecord {
  const at = new Date(Date.UTC(2025, 3, 5) + minute * 60_000).toISOString();
  const eventType = isCount ? 'STOCK_COUNTED' : 'STOCK_MOVED';
  const body = { eventType, articleId, quantity, at, ...(padding === '' ? {} : { padding }) };
  return {
    topic: isCount ? COUNTS : MOVEMENTS,
    key: Buffer.from(articleId),
    value: Buffer.from(JSON.stringify(body)),
    headers: [],
  };
}

/** Gives `count` different movements of one article. */
export function movements(articleId: string, count: number, firstMinute = 0): Entry[] {
  return Array.from({ length: count }, (_, index) => ({
    articleId,
    isCount: false,
    quantity: index + 1,
    minute: firstMinute + index,
  }));
}

/** The row and version of each article, by a second and simple calculation. */
export function expectedView(
  entries: readonly Entry[],
): Map<string, { row: readonly ViewValue[]; version: number }> {
  const distinct = new Map(entries.map((entry) => [JSON.stringify(entry), entry]));
  const byArticle = new Map<string, Entry[]>();
  for (const entry of distinct.values()) {
    byArticle.set(entry.articleId, [...(byArticle.get(entry.articleId) ?? []), entry]);
  }
  const view = new Map<string, { row: readonly ViewValue[]; version: number }>();
  for (const [articleId, history] of byArticle) {
    let onHand = 0;
    let sinceCount = 0;
    for (const entry of history.sort((a, b) => a.minute - b.minute)) {
      onHand = entry.isCount ? entry.quantity : onHand + entry.quantity;
      sinceCount = entry.isCount ? 0 : sinceCount + 1;
    }
    view.set(articleId, { row: [onHand, sinceCount, onHand <= 10], version: history.length });
  }
  return view;
}

export interface Instance {
  readonly ingest: Ingest<StockState, StockEvent>;
  readonly defects: Defects;
  readonly logged: string[];
}

export type Tuning = Partial<
  Pick<
    IngestOptions<StockState, StockEvent>,
    | 'lanes'
    | 'targets'
    | 'longLimits'
    | 'batchEvents'
    | 'cacheEvents'
    | 'maxBufferedBytes'
    | 'onCommitted'
    | 'clock'
    | 'holds'
    | 'log'
    | 'store'
    | 'domain'
    | 'decoder'
    | 'targets'
  >
>;

/** A folder with an embedded log and a SQLite store, and everything that runs on them, until the test ends. */
export class Place {
  readonly folder: string;
  readonly log: EmbeddedLog;
  readonly store: Store;
  readonly #closers: (() => Promise<void>)[] = [];

  static async make(partitions: { movements: number; counts: number }): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-ingest-'));
    const opened = openStock(folder);
    const place = new Place(folder, await migrate(opened));
    onTestFinished(() => place.close());
    await place.log.createTopics([
      { topic: MOVEMENTS, partitions: partitions.movements },
      { topic: COUNTS, partitions: partitions.counts },
    ]);
    return place;
  }

  private constructor(folder: string, store: Store) {
    this.folder = folder;
    this.log = this.#openLog();
    this.store = store;
    this.#closers.push(() => store.close());
  }

  #openLog(): EmbeddedLog {
    const log = openEmbeddedLog({ dataDir: this.folder, clock: systemClock });
    this.#closers.push(() => log.close());
    return log;
  }

  /** Another instance of the store, as in another process. */
  async anotherStore(): Promise<Store> {
    const store = await migrate(openStock(this.folder));
    this.#closers.push(() => store.close());
    return store;
  }

  /** Another instance of the log, as in another process. */
  anotherLog(): EmbeddedLog {
    return this.#openLog();
  }

  /** Starts an instance on the store and log of this place, unless `tuning` has others. */
  async start(tuning: Tuning = {}): Promise<Instance> {
    const logged: string[] = [];
    const topicNames = { [MOVEMENTS]: MOVEMENTS, [COUNTS]: COUNTS };
    const logger: Logger = (level, message) => logged.push(`${level}: ${message}`);
    const defects = new Defects(quickClock, logger);
    const ingest = new Ingest({
      domain: stockLedger,
      decoder: createDecoder(stockLedger, { topicNames, maxRecordBytes: 8 << 20 }),
      log: this.log,
      store: this.store,
      clock: quickClock,
      logger,
      defects,
      topics: [COUNTS, MOVEMENTS],
      targets: [{ name: 'warehouse', qualifies: null }],
      group: 'stock',
      lanes: 4,
      batchEvents: 100,
      cacheEvents: 1_000,
      maxBufferedBytes: 1 << 20,
      ...tuning,
    });
    this.#closers.push(() => ingest.stop());
    await ingest.start();
    return { ingest, defects, logged };
  }

  async append(records: readonly NewRecord[]): Promise<void> {
    const producer = this.log.producer();
    await producer.append(records);
    await producer.close();
  }

  /** Waits until the store holds exactly these entries, and checks the view. */
  async settles(entries: readonly Entry[], quarantined = 0): Promise<void> {
    const expected = expectedView(entries);
    const journaled = new Set(entries.map((entry) => JSON.stringify(entry))).size;
    await vi.waitFor(async () => {
      const counts = await this.store.counts();
      const found = { journaled: counts.journaledEvents, quarantined: counts.quarantined };
      if (found.journaled !== journaled || found.quarantined !== quarantined) {
        throw new Error(`Expected ${journaled} + ${quarantined}, found ${JSON.stringify(found)}`);
      }
    }, WAITING);
    const view = await this.store.readView([...expected.keys()]);
    for (const [articleId, { row, version }] of expected) {
      const found = view.get(articleId);
      if (JSON.stringify(found) !== JSON.stringify({ row, version })) {
        throw new Error(`${articleId} is ${JSON.stringify(found)}, not ${JSON.stringify({ row, version })}`);
      }
    }
    const journals = await this.store.readJournals([...expected.keys()]);
    for (const [articleId, { version }] of expected) {
      if (journals.get(articleId)?.length !== version) throw new Error(`The journal of ${articleId} differs`);
    }
  }

  /** The next offset of each partition by its checkpoint, by `topic/partition`. */
  async offsets(): Promise<Record<string, number>> {
    const checkpoints = await this.store.checkpoints();
    return Object.fromEntries(
      checkpoints.map(({ topic, partition, nextOffset }) => [`${topic}/${partition}`, Number(nextOffset)]),
    );
  }

  async close(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) await close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function openStock(folder: string): OpenedStore {
  return openSqliteStore({ file: join(folder, 'stock.sqlite'), clock: systemClock, targets: [TARGET] });
}

export async function migrate(opened: OpenedStore): Promise<Store> {
  const { table, keyColumn, columns } = stockLedger.view;
  const options = { view: { table, keyColumn, columns }, targets: [TARGET], adopt: null, nowMs: 0 };
  return (await opened.migrate(options)).store;
}

/** The port with these methods replaced. */
export function wrap<Port extends OpenedStore | Store | EventLog | EventLogConsumer | LongJournals>(
  port: Port,
  replaced: Partial<Port>,
): Port {
  return new Proxy(port, {
    get(target, name) {
      if (name in replaced) return Reflect.get(replaced, name);
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
