import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, vi } from 'vitest';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { Store } from '../../../src/ports/store.ts';
import { migrate, movements, Place, recordOf, TARGET, WAITING, wrap } from './harness.ts';

/** A store that is replaced by an earlier copy of itself, like a database in a failover or a restore. */
class Exchangeable {
  readonly #folder: string;
  #current: Store;
  #copies = 0;
  readonly port: Store;

  constructor(place: Place) {
    this.#folder = place.folder;
    this.#current = place.store;
    this.port = new Proxy(place.store, {
      get: (_target, name) => {
        const member: unknown = Reflect.get(this.#current, name);
        return typeof member === 'function' ? member.bind(this.#current) : member;
      },
    });
  }

  /** Copies everything that is committed now, and gives the file. */
  async copy(): Promise<string> {
    const file = join(this.#folder, `copy-${++this.#copies}.sqlite`);
    const source = new DatabaseSync(join(this.#folder, 'stock.sqlite'));
    source.exec(`VACUUM INTO '${file}'`);
    source.close();
    return file;
  }

  async exchange(file: string): Promise<Store> {
    const store = await migrate(openSqliteStore({ file, clock: systemClock, targets: [TARGET] }));
    this.#current = store;
    return store;
  }
}

describe('a store that went back in time', () => {
  it('records that the store lost are read again, although no new ones come', async () => {
    const place = await Place.make({ movements: 2, counts: 2 });
    const store = new Exchangeable(place);
    const { logged } = await place.start({ store: store.port });
    await place.append(movements('bolt', 5).map((entry) => recordOf(entry)));
    await place.settles(movements('bolt', 5));
    const earlier = await store.copy();
    await place.append(movements('bolt', 7, 10).map((entry) => recordOf(entry)));
    await place.settles([...movements('bolt', 5), ...movements('bolt', 7, 10)]);

    const restored = await store.exchange(earlier);

    await vi.waitFor(
      async () => expect((await restored.readView(['bolt'])).get('bolt')?.version).toBe(12),
      WAITING,
    );
    expect(logged.some((line) => /went back from offset 12 to 5/.test(line))).toBe(true);
    await restored.close();
  });

  it('no version is written to a journal that lacks the one before it', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const store = new Exchangeable(place);
    // The look at the checkpoints never ends, so the commit itself has to notice.
    const port = wrap(store.port, { checkpoints: () => new Promise<never>(() => {}) });
    const { ingest, logged } = await place.start({ store: port, lanes: 1 });
    await place.append(movements('bolt', 1).map((entry) => recordOf(entry)));
    await place.settles(movements('bolt', 1));
    const earlier = await store.copy();
    const counted = { articleId: 'bolt', isCount: true, quantity: 9, minute: 50 };
    await place.append([recordOf(counted)]);
    await place.settles([...movements('bolt', 1), counted]);

    const restored = await store.exchange(earlier);
    await place.append(movements('bolt', 1, 60).map((entry) => recordOf(entry)));

    await vi.waitFor(
      async () => expect((await restored.readView(['bolt'])).get('bolt')?.version).toBe(2),
      WAITING,
    );
    const journal = (await restored.readJournals(['bolt'])).get('bolt');
    expect(journal?.map(({ offset, topic }) => `${topic} ${offset}`)).toEqual([
      'stock_movements 0',
      'stock_movements 1',
    ]);
    // The row is the fold of what the journal holds: 1 from the first movement, 1 from the second.
    expect((await restored.readView(['bolt'])).get('bolt')?.row).toEqual([2, 2, true]);
    // A look that is not answered does not keep the instance from stopping.
    await ingest.stop();
    expect(logged.some((line) => line.includes('The store lacks events that this instance wrote'))).toBe(
      true,
    );
    await restored.close();
  });

  it('the row of an entity is repaired when its next event comes', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    await place.start();
    await place.append(movements('bolt', 3).map((entry) => recordOf(entry)));
    await place.settles(movements('bolt', 3));
    for (const [round, damage] of [
      "DELETE FROM stock WHERE article_id = 'bolt'",
      "UPDATE stock SET version = 1, on_hand = 0 WHERE article_id = 'bolt'",
      "UPDATE stock SET version = 9 WHERE article_id = 'bolt'",
    ].entries()) {
      const database = new DatabaseSync(join(place.folder, 'stock.sqlite'), { timeout: 1_000 });
      database.exec(damage);
      database.close();
      const minute = 10 * (round + 1);
      await place.append(movements('bolt', 1, minute).map((entry) => recordOf(entry)));
      const later = Array.from({ length: round + 1 }, (_, n) => movements('bolt', 1, 10 * (n + 1))).flat();
      await place.settles([...movements('bolt', 3), ...later]);
    }
  });
});
