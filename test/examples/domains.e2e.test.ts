import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { Sync } from '../../src/pipeline/sync.ts';
import type { NewRecord } from '../../src/ports/event-log.ts';
import type { Store } from '../../src/ports/store.ts';
import { CASES, type ExampleCase } from './domains.ts';

const clock = systemClock;

function recordOf({ domain, idField }: ExampleCase, body: Record<string, unknown>, id: string): NewRecord {
  return {
    topic: domain.eventTypes[String(body.eventType)]?.topic ?? '',
    key: Buffer.from(id),
    value: Buffer.from(JSON.stringify({ ...body, [idField]: id })),
    headers: [],
  };
}

it.each(CASES.map((example) => [example.domain.name, example] as const))(
  'the example %s shows the right rows on the embedded log and SQLite, from events in reverse and twice',
  async (_, example) => {
    const { domain, samples, row } = example;
    const folder = await mkdtemp(join(tmpdir(), 'tributary-example-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const log = openEmbeddedLog({ dataDir: folder, clock });
    const opened = openSqliteStore({ file: join(folder, 'example.sqlite'), clock, targets: [] });
    const topics = new Set(Object.values(domain.eventTypes).map(({ topic }) => topic));
    await log.createTopics([...topics].map((topic) => ({ topic, partitions: 2 })));
    const migrated = Promise.withResolvers<Store>();
    const sync = new Sync({
      domain,
      log,
      store: opened,
      targets: [],
      clock,
      logger: () => undefined,
      group: domain.name,
      onStoreReady: migrated.resolve,
    });
    const producer = log.producer();
    try {
      await sync.start();
      const store = await migrated.promise;
      const ids = ['A', 'B', 'C'];
      for (const id of ids)
        await producer.append([...samples, ...samples].reverse().map((body) => recordOf(example, body, id)));
      await vi.waitFor(
        async () => {
          const { journaledEvents, quarantined } = await store.counts();
          expect({ journaledEvents, quarantined }).toEqual({
            journaledEvents: ids.length * samples.length,
            quarantined: 0,
          });
        },
        { timeout: 20_000, interval: 20 },
      );
      const view = await store.readView(ids);
      for (const id of ids) expect(view.get(id)).toEqual({ row, version: samples.length });
    } finally {
      await sync.stop();
      await producer.close();
      await log.close();
      await opened.close();
    }
  },
);
