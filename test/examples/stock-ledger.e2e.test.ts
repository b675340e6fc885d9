import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stockLedger } from '../../examples/stock-ledger/domain.ts';
import { openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { openMysqlStore } from '../../src/adapters/mysql/index.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { ViewValue } from '../../src/core/domain.ts';
import { Sync } from '../../src/pipeline/sync.ts';
import type { DeliveriesSettled, Delivery, DeliveryTarget } from '../../src/ports/delivery-target.ts';
import type { NewRecord } from '../../src/ports/event-log.ts';
import type { OpenedStore, Store } from '../../src/ports/store.ts';
import { mysqlServer } from '../helpers/mysql-server.ts';
import { services } from '../services/context.ts';
import { createDatabase, type TestDatabase } from '../services/index.ts';

const TARGET = 'purchasing';
const clock = systemClock;
const ARTICLES = 40;
const EVENTS_PER_ARTICLE = 12;
const WAITING = { timeout: 60_000, interval: 20 };

interface Entry {
  readonly articleId: string;
  readonly isCount: boolean;
  readonly quantity: number;
  readonly minute: number;
}

/** Makes the same entries on every run, with a Lehmer generator, so that a failure can be repeated. */
function makeEntries(): { entries: Entry[]; arrivals: Entry[] } {
  let seed = 20_250_405;
  const below = (limit: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return Math.floor((seed / 2_147_483_647) * limit);
  };
  const entries: Entry[] = [];
  for (let article = 0; article < ARTICLES; article++) {
    for (let minute = 0; minute < EVENTS_PER_ARTICLE; minute++) {
      const isCount = below(4) === 0;
      entries.push({
        articleId: `article-${article}`,
        isCount,
        quantity: isCount ? below(30) : below(41) - 20,
        minute,
      });
    }
  }
  const arrivals = [...entries, ...entries.filter(() => below(5) === 0)];
  for (let index = arrivals.length - 1; index > 0; index--) {
    const other = below(index + 1);
    [arrivals[index], arrivals[other]] = [arrivals[other] as Entry, arrivals[index] as Entry];
  }
  return { entries, arrivals };
}

function recordOf({ articleId, isCount, quantity, minute }: Entry): NewRecord {
  const at = new Date(Date.UTC(2025, 3, 5, 8, minute)).toISOString();
  const eventType = isCount ? 'STOCK_COUNTED' : 'STOCK_MOVED';
  return {
    topic: isCount ? 'stock_counts' : 'stock_movements',
    key: Buffer.from(articleId),
    value: Buffer.from(JSON.stringify({ eventType, articleId, quantity, at })),
    headers: [],
  };
}

/** Computes the row of an article from its entries in the right sequence, without the code under test. */
function expectedRow(entries: readonly Entry[], articleId: string): ViewValue[] {
  let onHand = 0;
  let movements = 0;
  for (const entry of entries) {
    if (entry.articleId !== articleId) continue;
    onHand = entry.isCount ? entry.quantity : onHand + entry.quantity;
    movements = entry.isCount ? 0 : movements + 1;
  }
  return [onHand, movements, onHand <= 10];
}

/** A target that keeps the newest version of each article. */
class Purchasing implements DeliveryTarget {
  readonly name = TARGET;
  readonly maxDeliveryBatch = 100;
  readonly received = new Map<string, Delivery>();

  deliver(deliveries: readonly Delivery[], _signal: AbortSignal, settled: DeliveriesSettled): void {
    const outcomes = deliveries.map((delivery) => {
      const known = this.received.get(delivery.entityId);
      if (known === undefined || known.version < delivery.version)
        this.received.set(delivery.entityId, delivery);
      return {
        verdict: 'delivered' as const,
        status: 200,
        latencyMs: 0,
        answer: '',
        error: null,
        retryAfterMs: null,
      };
    });
    queueMicrotask(() => settled(outcomes));
  }

  close() {
    return Promise.resolve();
  }
}

async function runThroughPipeline(opened: OpenedStore, folder: string): Promise<void> {
  const { entries, arrivals } = makeEntries();
  const malformed: NewRecord = { ...recordOf(arrivals[0] as Entry), value: Buffer.from('{"quantity":') };
  const records = [...arrivals.map(recordOf), malformed];
  const log = openEmbeddedLog({ dataDir: folder, clock });
  const target = new Purchasing();
  await log.createTopics([
    { topic: 'stock_movements', partitions: 3 },
    { topic: 'stock_counts', partitions: 2 },
  ]);
  const migrated = Promise.withResolvers<Store>();
  const sync = new Sync({
    domain: stockLedger,
    log,
    store: opened,
    targets: [{ target, qualifies: null }],
    clock,
    logger: () => undefined,
    group: 'stock',
    ingest: { batchEvents: 50 },
    delivery: { pollMs: 20 },
    onStoreReady: migrated.resolve,
  });
  const producer = log.producer();
  try {
    await sync.start();
    const store = await migrated.promise;
    for (let start = 0; start < records.length; start += 37)
      await producer.append(records.slice(start, start + 37));
    await vi.waitFor(async () => {
      const { journaledEvents, quarantined, deliveriesPending } = await store.counts();
      expect({ journaledEvents, quarantined, deliveriesPending }).toEqual({
        journaledEvents: entries.length,
        quarantined: 1,
        deliveriesPending: 0,
      });
    }, WAITING);

    const articleIds = [...new Set(entries.map(({ articleId }) => articleId))];
    const view = await store.readView(articleIds);
    let lowCount = 0;
    for (const articleId of articleIds) {
      const row = expectedRow(entries, articleId);
      expect(view.get(articleId), articleId).toMatchObject({ row, version: EVENTS_PER_ARTICLE });
      const body = target.received.get(articleId)?.body;
      const [on_hand, movements_since_count, has_run_low] = row;
      if (has_run_low === true) lowCount++;
      if (body === undefined) expect(has_run_low, articleId).toBe(false);
      else
        expect(body, articleId).toMatchObject({
          article_id: articleId,
          on_hand,
          movements_since_count,
          has_run_low,
        });
    }
    expect(lowCount).toBeGreaterThan(5);
    expect(lowCount).toBeLessThan(ARTICLES - 5);
  } finally {
    await sync.stop();
    await producer.close();
    await log.close();
    await opened.close();
  }
}

describe('the stock ledger through the whole pipeline', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tributary-stock-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('shows and delivers the right stock on SQLite although events arrive late and twice', async () => {
    const dataDir = await mkdtemp(join(folder, 'sqlite-'));
    const store = openSqliteStore({ file: join(dataDir, 'stock.sqlite'), clock, targets: [TARGET] });
    await runThroughPipeline(store, dataDir);
  });

  describe.each(['mysql', 'mariadb'] as const)('on %s', (name) => {
    let database: TestDatabase | undefined;
    afterAll(async () => {
      await database?.drop();
    });

    it.skipIf(services().lacks(name))('shows and delivers the right stock', async () => {
      database = await createDatabase(services()[name].url);
      const store = openMysqlStore({
        ...mysqlServer(database.url),
        clock,
        logger: () => undefined,
        targets: [TARGET],
      });
      await runThroughPipeline(store, await mkdtemp(join(folder, `${name}-`)));
    });
  });
});
