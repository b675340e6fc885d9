import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/ports/store.ts';
import { MemoryDatabase } from '../../../src/testing/memory-store/database.ts';
import { openMemoryStore } from '../../../src/testing/memory-store/index.ts';
import { draw, play, shrink } from './history.ts';
import { openPart } from './parts.ts';
import { compareMany, type Found, type OpenedPart } from './run.ts';
import { type HistoryClock, migrationAt, PROCESSES, TARGETS, VIEW } from './store-caller.ts';
import { type RealStores, STORE_KINDS, storeSetting } from './stores.ts';

const noServices = () => {
  throw new Error('This part needs no service.');
};

/** A second twin in the place of a real store, whose processes `change` alters. */
class OtherTwin implements RealStores {
  readonly #change: (store: Store) => Partial<Store>;
  #database = new MemoryDatabase();

  constructor(change: (store: Store) => Partial<Store> = () => ({})) {
    this.#change = change;
  }

  async open(clock: HistoryClock): Promise<readonly Store[]> {
    this.#database = new MemoryDatabase();
    const stores: Store[] = [];
    for (let process = 0; process < PROCESSES; process++) {
      const opened = openMemoryStore({ database: this.#database, clock, time: clock, targets: TARGETS });
      const { store } = await opened.migrate(migrationAt(clock));
      const changed = this.#change(store);
      const get = (_: Store, name: string | symbol) => {
        const member = Reflect.get(name in changed ? changed : store, name);
        return typeof member === 'function' ? member.bind(store) : member;
      };
      stores.push(new Proxy(store, { get }));
    }
    return stores;
  }

  async removeRow(entityId: string): Promise<void> {
    this.#database.viewTable(VIEW.table).delete(entityId);
  }

  async release(): Promise<void> {}
}

describe('the twins beside the real parts', () => {
  it.each([
    ['sqlite', 60],
    ['embedded', 50],
  ] as const)(
    'the twin of %s answers %i histories of calls as the real part does',
    async (name, histories) => {
      const part = await openPart(name, noServices);
      const found: Found[] = [];
      try {
        const result = await compareMany([part], { from: 1, histories, onFound: (one) => found.push(one) });
        expect(found).toEqual([]);
        expect(result.histories).toBe(histories);
      } finally {
        await part.close();
      }
    },
  );
});

describe('a difference', () => {
  const firstFound = async (real: RealStores) => {
    const setting = storeSetting(real);
    for (let seed = 1; seed <= 200; seed++) {
      const history = draw(setting, seed);
      const difference = await play(setting, history);
      if (difference !== null) return { setting, history, difference };
    }
    return null;
  };

  it('two twins that are the same answer alike', async () => {
    const setting = storeSetting(new OtherTwin());
    for (let seed = 1; seed <= 40; seed++) expect(await play(setting, draw(setting, seed))).toBeNull();
  });

  it.each<[string, (store: Store) => Partial<Store>]>([
    ['readView', (store) => ({ readView: async (ids) => store.readView(ids.slice(1)) })],
    ['renewJob', () => ({ renewJob: async () => true })],
    ['stepRedrive', () => ({ stepRedrive: async () => null })],
    [
      'claimDeliveries',
      (store) => ({ claimDeliveries: async (one) => (await store.claimDeliveries(one)).slice(1) }),
    ],
  ])('a planted mistake in %s is found, and its history is made shorter', async (method, change) => {
    const found = await firstFound(new OtherTwin(change));
    if (found === null) throw new Error('No history shows the difference.');
    expect(found.difference.question).toMatch(new RegExp(`^(${method}|the next question)`));
    const shortest = await shrink(found.setting, found.history, found.difference);
    expect(shortest.history.calls.length).toBeLessThan(found.history.calls.length);
    expect(await play(found.setting, shortest.history)).toEqual(shortest.difference);
  });

  it('a mistake that no answer shows is found in the contents at the end', async () => {
    const found = await firstFound(new OtherTwin(() => ({ addAudit: async () => {} })));
    expect(found?.difference.question).toMatch(/^listAudit/);
  });
});

describe('histories side by side', () => {
  const found: Found = {
    seed: 0,
    difference: { call: 'contents', question: 'counts null', twin: '1', real: '2' },
    lines: [],
  };
  const calls = [{ kind: 'append', by: 0, seed: 1, most: 4 }];
  const partsOf = (count: number, compare: (seed: number) => Promise<Found | null>): OpenedPart[] =>
    Array.from({ length: count }, () => ({
      compare: async (seed) => ({ calls, found: await compare(seed) }),
      close: async () => {},
    }));

  it('plays each seed once, and as many at a time as there are parts', async () => {
    const played: number[] = [];
    let [now, most] = [0, 0];
    const parts = partsOf(3, async (seed) => {
      played.push(seed);
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
      return null;
    });
    const result = await compareMany(parts, { from: 5, histories: 20 });
    expect(played.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 5));
    expect(most).toBe(3);
    expect(result).toEqual({ histories: 20, calls: new Map([['append', 20]]), differences: 0 });
  });

  it('begins no history once ten differences are found', async () => {
    const result = await compareMany(
      partsOf(4, async () => found),
      { from: 1, histories: 100 },
    );
    expect(result.differences).toBeGreaterThanOrEqual(10);
    expect(result.histories).toBeLessThan(14);
  });

  it('rejects with the error of one part, once the histories of the others have ended', async () => {
    const ended: number[] = [];
    const parts = partsOf(2, async (seed) => {
      if (seed === 1) throw new Error('The server is gone.');
      await Promise.resolve();
      ended.push(seed);
      return null;
    });
    await expect(compareMany(parts, { from: 1, histories: 100 })).rejects.toThrow('The server is gone.');
    expect(ended).toEqual([2]);
  });
});

describe('the histories', () => {
  it('the histories of 300 seeds call every kind that there is', () => {
    const setting = storeSetting(new OtherTwin());
    const drawn = new Set<string>();
    for (let seed = 1; seed <= 300; seed++) for (const { kind } of draw(setting, seed).calls) drawn.add(kind);
    expect([...drawn].sort()).toEqual(STORE_KINDS.map(({ name }) => name).sort());
  });

  it('draws the same history from the same seed, and another one from the next', () => {
    const setting = storeSetting(new OtherTwin());
    expect(draw(setting, 7)).toEqual(draw(setting, 7));
    expect(draw(setting, 7).calls).not.toEqual(draw(setting, 8).calls);
  });
});
