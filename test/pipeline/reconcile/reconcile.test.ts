import { describe, expect, it } from 'vitest';
import { reconcile } from '../../../src/pipeline/reconcile/reconcile.ts';
import { Pair, state } from './pair.ts';

describe('a sweep', () => {
  it('names the epoch of the view whose rows it compared, for everything that it makes due', async () => {
    const pair = new Pair('a');
    pair.owe('b', { deliveredVersion: 8, viewVersion: 37 });
    pair.hold('b', 37, ['DECLINED', false]);
    pair.owe('c');
    const epochs: (number | undefined)[] = [];
    const store: typeof pair.store = {
      ...pair.store,
      makeDueAgain: (due) => {
        epochs.push(due.viewEpoch);
        return pair.store.makeDueAgain(due);
      },
      makeRepairsDue: (due) => {
        epochs.push(due.viewEpoch);
        return pair.store.makeRepairsDue(due);
      },
    };
    const untilCaughtUp = async () => true;
    await pair.reconcile({ heals: true, store, viewEpoch: 7, untilCaughtUp, onMadeDue: pair.deliver });
    expect(epochs).toEqual([7, 7]);
  });

  it('a sweep asks for digests alone where nothing differs, and once for rows behind the last one', async () => {
    const pair = new Pair('a', 'b', 'c', 'd');
    expect(await pair.reconcile({ pageRows: 2 })).toEqual({
      compared: 4,
      inFlight: 0,
      dead: 0,
      differences: [],
      madeDue: 0,
      healed: 0,
      isSettled: true,
      isCaughtUp: null,
      isComplete: true,
      reached: 'd',
    });
    expect(pair.asked).toEqual(['digest', 'digest', 'page']);
  });

  it.each([1, 2, 3, 1_000])('a sweep finds every kind of difference, %i rows at a time', async (pageRows) => {
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
  ] as const)('a sweep finds every entity where %s is empty', async (_side, empty, verdict) => {
    const pair = new Pair('a', 'b', 'c', 'd', 'e');
    empty(pair);
    expect(await pair.verdicts({ pageRows: 2 })).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((id) => [id, verdict]),
    );
  });

  it('a sweep ends at once where both sides are empty', async () => {
    expect(await new Pair().reconcile()).toMatchObject({ compared: 0, differences: [], isComplete: true });
  });

  it.each([1, 2, 1_000])(
    'a sweep goes by the bytes of the ids, and not by their UTF-16, %i at a time',
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

  it.each([1, 2, 1_000])(
    'a sweep does not report deliveries in flight or dead ones, %i rows at a time',
    async (pageRows) => {
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
    },
  );

  it('a change during the comparison is no difference', async () => {
    const pair = new Pair('a', 'b', 'c');
    pair.hold('b', 2);
    pair.held.delete('c');
    pair.hold('d');
    // At the second look the ledger has the deliveries of b and d, and c is being sent again.
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

  it('an entity that differs at both looks, but not in the same way, is no difference', async () => {
    const pair = new Pair('a');
    pair.beforeAnswer = () => pair.hold('a', (pair.held.get('a')?.version ?? 0) + 1);
    expect(await pair.verdicts()).toEqual([]);
  });

  it('a sweep ends at its limit, and reports it', async () => {
    const pair = new Pair('a', 'b', 'c');
    pair.held.clear();
    const report = await pair.reconcile({ limit: 2 });
    expect(report).toMatchObject({ isComplete: false, reached: 'b', compared: 2 });
    expect(report.differences.map(({ entityId }) => entityId)).toEqual(['a', 'b']);
  });

  it.each([1, 2, 3, 1_000])(
    'a sweep goes on where another ended, and finds and counts each entity once, %i rows at a time',
    async (pageRows) => {
      const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      const pair = new Pair(...ids);
      for (const id of ['b', 'c', 'd', 'h']) pair.held.delete(id);
      pair.hold('ee');
      pair.owe('e', { status: 'pending' });
      pair.owe('f', { status: 'dead' });
      for (const limit of [1, 2, 3]) {
        const met: string[] = [];
        const sums = { compared: 0, inFlight: 0, dead: 0 };
        for (let after: string | null = null; ; ) {
          const report = await pair.reconcile({ limit, after, pageRows });
          expect(report.differences.length).toBeLessThanOrEqual(limit);
          met.push(...report.differences.map(({ entityId }) => entityId));
          sums.compared += report.compared;
          sums.inFlight += report.inFlight;
          sums.dead += report.dead;
          if (report.isComplete) break;
          after = report.reached;
        }
        expect({ met, sums }, `limit ${limit}`).toEqual({
          met: ['b', 'c', 'd', 'ee', 'h'],
          sums: { compared: 6, inFlight: 1, dead: 1 },
        });
      }
    },
  );

  it('a sweep rests between its pages by its share of the time, and not at all with a share of 1', async () => {
    for (const [share, rests] of [
      [1, []],
      [0.25, [3_000, 3_000]],
    ] as const) {
      const pair = new Pair('a', 'b');
      const slept: number[] = [];
      const { clock } = pair;
      pair.beforeAnswer = () => void clock.sleep(1_000);
      const spying = Object.assign(Object.create(clock) as typeof clock, {
        monotonicMs: () => clock.monotonicMs(),
        async sleep(ms: number) {
          slept.push(ms);
        },
      });
      await pair.reconcile({ pageRows: 1, busyShare: share, clock: spying });
      expect(slept).toEqual(rests);
    }
  });

  it('a sweep ends with the id to which it was asked, and compares that one too', async () => {
    const pair = new Pair('a', 'b', 'c');
    pair.held.delete('b');
    pair.held.delete('c');
    expect(await pair.verdicts({ through: 'b' })).toEqual([['b', 'missing']]);
    pair.both('b');
    const report = await pair.reconcile({ through: 'b' });
    expect(report).toMatchObject({ compared: 2, differences: [], isComplete: true });
  });

  it('a sweep that was stopped is not complete', async () => {
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

  it('a healing sweep makes lost states due, waits for their delivery, and compares again', async () => {
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

  it('a state that the target loses again, or whose delivery dies, does not count as healed', async () => {
    const pair = damaged();
    const onMadeDue = () => {
      pair.deliver();
      pair.held.delete('a');
      pair.owe('b', { status: 'dead' });
    };
    const { differences } = await pair.reconcile({ heals: true, onMadeDue });
    expect(differences.filter(({ isHealed }) => isHealed).map(({ entityId }) => entityId)).toEqual(['c']);
  });

  it('a healing sweep does not wait for ever where nobody delivers', async () => {
    const report = await damaged().reconcile({ heals: true, patienceMs: 2_000 });
    expect(report).toMatchObject({ madeDue: 3, healed: 0, isSettled: false });
  });

  it('a healing sweep waits for all deliveries as long as one after the other is settled', async () => {
    const pair = new Pair('a', 'b', 'c');
    pair.held.clear();
    const dueMs = new Map([...pair.owed.keys()].map((id, index) => [id, (index + 1) * 1_500]));
    const readDelivery: Pair['store']['readDelivery'] = async (target, id) => {
      if (pair.clock.monotonicMs() >= (dueMs.get(id) ?? 0)) {
        pair.both(id);
      }
      return pair.store.readDelivery(target, id);
    };
    const store = { ...pair.store, readDelivery };
    const report = await pair.reconcile({ heals: true, patienceMs: 2_000, store });
    expect(report).toMatchObject({ isSettled: true, madeDue: 3, healed: 3 });
  });

  it('a healing sweep that is stopped while it waits calls nothing healed', async () => {
    const pair = new Pair('a', 'b');
    pair.held.clear();
    const stopping = new AbortController();
    const readDelivery: Pair['store']['readDelivery'] = async (target, id) => {
      stopping.abort();
      return pair.store.readDelivery(target, id);
    };
    const { holdings, clock, store } = pair;
    const options = { target: 'warehouse', holdings, clock, limit: 100, perSecond: 500, heals: true };
    const report = await reconcile({ ...options, store: { ...store, readDelivery } }, stopping.signal);
    expect(report).toMatchObject({ madeDue: 2, healed: 0, isSettled: false, isComplete: false });
    expect(report.differences.map(({ isHealed }) => isHealed)).toEqual([false, false]);
  });

  it('a healing sweep leaves alone what has changed in the ledger since the comparison', async () => {
    const pair = damaged();
    // A newer state of a is being sent, b's newer one was delivered, and c was given up.
    pair.beforeMadeDue = () => {
      pair.owe('a', { status: 'pending' });
      pair.both('b', 4);
      pair.owe('c', { status: 'dead' });
    };
    const counts: number[] = [];
    const report = await pair.reconcile({
      heals: true,
      patienceMs: 2_000,
      onMadeDue: (count) => counts.push(count),
    });
    expect(pair.madeDue).toEqual([[]]);
    expect(counts).toEqual([0]);
    expect(report.differences.filter(({ isHealed }) => isHealed).map(({ entityId }) => entityId)).toEqual([
      'b',
    ]);
  });

  it('two healing sweeps at once deliver a state once more at worst', async () => {
    const pair = damaged();
    await Promise.all([1, 2].map(() => pair.reconcile({ heals: true, onMadeDue: pair.deliver })));
    expect(new Set(pair.madeDue.flat())).toEqual(new Set(['a', 'b', 'c']));
    expect(await pair.verdicts()).toEqual([
      ['d', 'newer'],
      ['e', 'unexpected'],
    ]);
  });

  it('a healing sweep makes no more due at once than its rate allows in a second', async () => {
    const pair = damaged();
    await pair.reconcile({ heals: true, perSecond: 2, onMadeDue: pair.deliver });
    expect(pair.madeDue).toEqual([['a', 'b'], ['c']]);
  });
});
