import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import type { ViewRow } from '../../../src/core/domain.ts';
import { compareUtf8 } from '../../../src/core/text.ts';
import { digestOf } from '../../../src/pipeline/reconcile/comparison.ts';
import { type ReconcileOptions, reconcile } from '../../../src/pipeline/reconcile/reconcile.ts';
import type { OwedState } from '../../../src/ports/reconciliation.ts';
import type { HeldState, HoldingsRange, TargetHoldings } from '../../../src/ports/target-holdings.ts';

const ROW: ViewRow = ['CREATED', true];
const state = (entityId: string, version = 1, row = ROW): HeldState => ({ entityId, version, row });

function inSequence<Row extends { entityId: string }>(rows: Map<string, Row>): Row[] {
  return [...rows.values()].sort((a, b) => compareUtf8(a.entityId, b.entityId));
}

function behind<Row extends { entityId: string }>(
  rows: Map<string, Row>,
  { after, limit }: HoldingsRange,
): Row[] {
  return inSequence(rows)
    .filter(({ entityId }) => after === null || compareUtf8(entityId, after) > 0)
    .slice(0, limit);
}

/** A ledger and a target, both in memory; `deliver` is what a running order-sync would do. */
class Pair {
  readonly owed = new Map<string, OwedState>();
  readonly held = new Map<string, HeldState>();
  readonly asked: string[] = [];
  readonly madeDue: string[][] = [];
  /** Called before each page or digest, with how many were asked for so far. */
  beforeAnswer: (asked: number) => void = () => {};
  readonly #clock = new SeededClock({ seed: 1, time: 'immediately' });

  constructor(...ids: string[]) {
    for (const id of ids) this.both(id);
  }

  both(entityId: string, version = 1): void {
    this.owe(entityId, { deliveredVersion: version });
    this.held.set(entityId, state(entityId, version));
  }

  owe(entityId: string, facts: Partial<OwedState> = {}): void {
    this.owed.set(entityId, { entityId, status: 'delivered', deliveredVersion: 1, row: ROW, ...facts });
  }

  hold(entityId: string, version = 1, row = ROW): void {
    this.held.set(entityId, state(entityId, version, row));
  }

  deliver = (): void => {
    for (const { entityId, status, deliveredVersion, row } of this.owed.values()) {
      if (status !== 'pending') continue;
      this.owe(entityId, { deliveredVersion, row });
      this.hold(entityId, deliveredVersion ?? 1, row);
    }
  };

  async reconcile(options: Partial<ReconcileOptions> = {}, stopped = false) {
    const look = (what: string, range: HoldingsRange): HeldState[] => {
      this.asked.push(what);
      this.beforeAnswer(this.asked.length);
      return behind(this.held, range);
    };
    const holdings: TargetHoldings = {
      page: async (range) => {
        const states = look('page', range);
        const last = states.at(-1)?.entityId ?? range.after;
        return { states, hasMore: behind(this.held, { after: last, limit: 1 }).length > 0 };
      },
      digest: async (range) => {
        const states = look('digest', range);
        return { count: states.length, digest: digestOf(states) };
      },
      close: async () => {},
    };
    const store: ReconcileOptions['store'] = {
      listOwed: async (page) => behind(this.owed, page),
      makeDueAgain: async ({ entityIds }) => {
        this.madeDue.push([...entityIds]);
        for (const id of entityIds) this.owe(id, { ...this.owed.get(id), status: 'pending' });
        return entityIds.length;
      },
      readDelivery: async (target, entityId) => {
        const found = this.owed.get(entityId);
        return found === undefined
          ? null
          : {
              target,
              entityId,
              status: found.status,
              dueVersion: 1,
              deliveredVersion: found.deliveredVersion,
              attempts: 0,
              nextAttemptAtMs: null,
              dueSinceMs: 0,
              lastStatus: null,
              lastError: null,
            };
      },
    };
    const stopping = new AbortController();
    if (stopped) stopping.abort();
    return reconcile(
      {
        target: 'warehouse',
        holdings,
        store,
        clock: this.#clock,
        heals: false,
        limit: 100,
        perSecond: 500,
        ...options,
      },
      stopping.signal,
    );
  }

  async verdicts(options: Partial<ReconcileOptions> = {}) {
    const { differences } = await this.reconcile(options);
    return differences.map(({ entityId, verdict }) => [entityId, verdict]);
  }
}

describe('a sweep', () => {
  it('asks for digests alone where nothing differs, and once for what may come behind', async () => {
    const pair = new Pair('a', 'b', 'c', 'd');
    expect(await pair.reconcile({ pageRows: 2 })).toEqual({
      compared: 4,
      inFlight: 0,
      dead: 0,
      differences: [],
      madeDue: 0,
      healed: 0,
      isComplete: true,
    });
    expect(pair.asked).toEqual(['digest', 'digest', 'page']);
  });

  it.each([1, 2, 3, 1_000])('tells every kind of difference, %i rows at a time', async (pageRows) => {
    const pair = new Pair('a', 'e', 'i');
    pair.owe('b');
    pair.owe('c', { deliveredVersion: 3 });
    pair.hold('c', 2);
    pair.owe('d');
    pair.hold('d', 1, ['CHANGED', true]);
    pair.hold('f');
    pair.owe('g');
    pair.hold('g', 2);
    pair.hold('z');
    expect(await pair.verdicts({ pageRows })).toEqual([
      ['b', 'missing'],
      ['c', 'older'],
      ['d', 'different'],
      ['f', 'unexpected'],
      ['g', 'newer'],
      ['z', 'unexpected'],
    ]);
    const { differences } = await pair.reconcile({ pageRows });
    expect(differences[2]).toMatchObject({
      ours: state('d'),
      theirs: state('d', 1, ['CHANGED', true]),
      isHealed: false,
    });
    expect(pair.madeDue).toEqual([]);
  });

  it.each([
    ['the target', (pair: Pair) => pair.held.clear(), 'missing'],
    ['the ledger', (pair: Pair) => pair.owed.clear(), 'unexpected'],
  ] as const)('finds all of it where %s is empty', async (_side, empty, verdict) => {
    const pair = new Pair('a', 'b', 'c', 'd', 'e');
    empty(pair);
    expect(await pair.verdicts({ pageRows: 2 })).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((id) => [id, verdict]),
    );
  });

  it('ends at once where both sides are empty', async () => {
    expect(await new Pair().reconcile()).toMatchObject({ compared: 0, differences: [], isComplete: true });
  });

  it.each([1, 2, 1_000])(
    'goes by the bytes of the ids, not by their UTF-16, %i at a time',
    async (pageRows) => {
      const pair = new Pair('\u{10000}', '\ue000', '\uffff', 'a', '😀', '😁');
      pair.held.delete('\uffff');
      pair.held.delete('😀');
      expect(await pair.verdicts({ pageRows })).toEqual([
        ['\uffff', 'missing'],
        ['😀', 'missing'],
      ]);
    },
  );

  it.each([1, 2, 1_000])('says nothing of what is in flight or dead, %i rows at a time', async (pageRows) => {
    const pair = new Pair('a', 'z');
    pair.owe('b', { status: 'pending', deliveredVersion: null });
    pair.owe('c', { status: 'pending', deliveredVersion: null });
    pair.hold('c');
    pair.owe('d', { status: 'pending', row: ['CHANGED', true] });
    pair.hold('d');
    pair.owe('e', { status: 'dead', deliveredVersion: null });
    expect(await pair.reconcile({ pageRows })).toMatchObject({
      compared: 2,
      inFlight: 3,
      dead: 1,
      differences: [],
      isComplete: true,
    });
  });

  it('takes what changes while it looks for no difference', async () => {
    const pair = new Pair('a', 'b', 'c');
    pair.hold('b', 2);
    pair.held.delete('c');
    pair.hold('d');
    // By the second look the ledger has b's delivery, and d's; c is on its way again.
    pair.beforeAnswer = (asked) => {
      if (asked !== 2) return;
      queueMicrotask(() => {
        pair.both('b', 2);
        pair.both('d');
        pair.owe('c', { status: 'pending' });
      });
    };
    expect(await pair.verdicts()).toEqual([]);
  });

  it('takes what differs at both looks, but not in the same way, for no difference', async () => {
    const pair = new Pair('a');
    pair.beforeAnswer = () => pair.hold('a', (pair.held.get('a')?.version ?? 0) + 1);
    expect(await pair.verdicts()).toEqual([]);
  });

  it('ends at its limit, and says so', async () => {
    const pair = new Pair('a', 'b', 'c');
    pair.held.clear();
    const report = await pair.reconcile({ limit: 2 });
    expect(report.isComplete).toBe(false);
    expect(report.differences.map(({ entityId }) => entityId)).toEqual(['a', 'b']);
  });

  it('is not complete when it was stopped', async () => {
    expect(await new Pair('a').reconcile({}, true)).toMatchObject({ isComplete: false, compared: 0 });
  });
});

describe('a sweep that heals', () => {
  function damaged(): Pair {
    const pair = new Pair('a', 'b', 'c', 'd');
    pair.held.delete('a');
    pair.owe('b', { deliveredVersion: 3 });
    pair.hold('c', 1, ['CHANGED', true]);
    pair.hold('d', 2);
    pair.hold('e');
    return pair;
  }

  it('makes due what was lost, waits for it, and looks again', async () => {
    const pair = damaged();
    const report = await pair.reconcile({ heals: true, onMadeDue: pair.deliver });
    expect(pair.madeDue).toEqual([['a', 'b', 'c']]);
    expect(report).toMatchObject({ madeDue: 3, healed: 3, isComplete: true });
    expect(report.differences.map(({ entityId, isHealed }) => [entityId, isHealed])).toEqual([
      ['a', true],
      ['b', true],
      ['c', true],
      ['d', false],
      ['e', false],
    ]);
    expect(await pair.verdicts()).toEqual([
      ['d', 'newer'],
      ['e', 'unexpected'],
    ]);
  });

  it('heals nothing that the target drops once more, or that dies', async () => {
    const pair = damaged();
    const onMadeDue = () => {
      pair.deliver();
      pair.held.delete('a');
      pair.owe('b', { status: 'dead' });
    };
    const { differences } = await pair.reconcile({ heals: true, onMadeDue });
    expect(differences.filter(({ isHealed }) => isHealed).map(({ entityId }) => entityId)).toEqual(['c']);
  });

  it('does not wait for ever where nobody delivers', async () => {
    const report = await damaged().reconcile({ heals: true, patienceMs: 2_000 });
    expect(report).toMatchObject({ madeDue: 3, healed: 0 });
  });

  it('makes no more due at once than a second may have', async () => {
    const pair = damaged();
    await pair.reconcile({ heals: true, perSecond: 2, onMadeDue: pair.deliver });
    expect(pair.madeDue).toEqual([['a', 'b'], ['c']]);
  });
});
