import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { digestOf, isSameState, recognise } from '../../../src/pipeline/reconcile/comparison.ts';
import { reconcile } from '../../../src/pipeline/reconcile/reconcile.ts';
import { Pair, state } from './pair.ts';

const DECLINED = ['DECLINED', false];

describe('a look at both sides', () => {
  it('asks for no row behind the id to which it was asked, and counts none', async () => {
    const pair = new Pair('a', 'b', 'c');
    expect(await pair.reconcile({ through: 'b' })).toMatchObject({
      compared: 2,
      differences: [],
      isComplete: true,
    });
  });

  it('compares by digest beside states that were never sent', async () => {
    const pair = new Pair('a', 'c', 'd');
    pair.owe('b', { status: 'pending', deliveredVersion: null });
    expect(await pair.reconcile({ pageRows: 3 })).toMatchObject({
      compared: 3,
      inFlight: 1,
      differences: [],
    });
    expect(pair.asked).toEqual(['digest', 'digest', 'page']);
  });

  it('asks once for the rows of a short page, and once more where they differ', async () => {
    const pair = new Pair('a', 'b', 'c');
    pair.held.delete('b');
    expect(await pair.verdicts()).toEqual([['b', 'missing']]);
    expect(pair.asked).toEqual(['digest', 'page', 'page']);
  });

  it('reads the view for the entities alone that the ledger does not know', async () => {
    const pair = new Pair('a', 'b');
    pair.held.delete('a');
    const read: (readonly string[])[] = [];
    const readView: Pair['store']['readView'] = (ids) => {
      read.push(ids);
      return pair.store.readView(ids);
    };
    await pair.reconcile({ store: { ...pair.store, readView } });
    expect(read).toEqual([]);
    pair.hold('c');
    await pair.reconcile({ store: { ...pair.store, readView } });
    expect(read).toEqual([['c'], ['c']]);
  });

  it('takes as many pages for the second look as there are rows by then', async () => {
    const pair = new Pair('a', 'b', 'c');
    pair.held.delete('b');
    pair.beforeAnswer = (asked) => {
      // Between the two looks other entities come.
      if (asked === 3) for (const id of ['aa', 'ab', 'ac', 'ad']) pair.both(id);
    };
    expect(await pair.verdicts({ pageRows: 3 })).toEqual([['b', 'missing']]);
  });

  it('ends without the second look when it is stopped before', async () => {
    const pair = new Pair('a', 'b');
    pair.held.clear();
    const stopping = new AbortController();
    const clock = Object.assign(Object.create(pair.clock) as SeededClock, {
      monotonicMs: () => pair.clock.monotonicMs(),
      sleep: async () => stopping.abort(),
    });
    const report = await reconcile(
      {
        target: 'warehouse',
        holdings: pair.holdings,
        store: pair.store,
        clock,
        heals: true,
        limit: 9,
        perSecond: 9,
      },
      stopping.signal,
    );
    expect(report).toMatchObject({
      compared: 0,
      differences: [],
      madeDue: 0,
      isComplete: false,
      reached: null,
    });
    expect(pair.asked).toEqual(['digest', 'page']);
  });
});

describe('a sweep that heals', () => {
  it('looks no third time where nothing can be healed', async () => {
    const pair = new Pair('a');
    pair.hold('b');
    await pair.reconcile({ heals: true });
    expect(pair.asked).toEqual(['digest', 'page', 'page']);
  });

  it('looks once more only at the pages where it has found differences', async () => {
    const pair = new Pair('a', 'b', 'c', 'd', 'e', 'f');
    pair.held.delete('b');
    pair.held.delete('d');
    pair.beforeAnswer = (asked) => {
      // The first difference is gone at the second look.
      if (asked === 3) pair.hold('b');
    };
    const report = await pair.reconcile({ heals: true, pageRows: 2, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 1, healed: 1 });
    // Two looks at each of two pages, the digest of the third one, the end, and the third look.
    expect(pair.asked.filter((what) => what === 'page')).toHaveLength(2 + 2 + 1 + 1);
  });

  it('asks the store only for what there is to make due, and names no epoch if it was given none', async () => {
    const pair = new Pair('a', 'c');
    pair.held.delete('a');
    const asked: unknown[] = [];
    const store: Pair['store'] = {
      ...pair.store,
      makeDueAgain: (due) => {
        asked.push(due);
        return pair.store.makeDueAgain(due);
      },
      makeRepairsDue: (due) => {
        asked.push(due);
        return pair.store.makeRepairsDue(due);
      },
    };
    const heal = () => pair.reconcile({ heals: true, store, onMadeDue: pair.deliver });
    await heal();
    expect(asked).toStrictEqual([{ target: 'warehouse', delivered: [state('a')] }]);
    asked.length = 0;
    pair.hold('b', 2);
    pair.viewed.set('b', state('b', 3, DECLINED));
    await heal();
    expect(asked).toStrictEqual([
      {
        target: 'warehouse',
        repairs: [{ entityId: 'b', was: 'unrecorded', version: 3, heldVersion: 2, replaces: null }],
      },
    ]);
  });

  it('calls nothing healed after a stop, although the target has it by then', async () => {
    const pair = new Pair('a', 'b');
    pair.held.clear();
    const stopping = new AbortController();
    const { holdings, clock, store } = pair;
    const onMadeDue = () => {
      pair.deliver();
      stopping.abort();
    };
    const options = { target: 'warehouse', holdings, clock, store, limit: 100, perSecond: 500, heals: true };
    const report = await reconcile({ ...options, onMadeDue }, stopping.signal);
    expect(report).toMatchObject({ madeDue: 2, healed: 0, isSettled: false });
  });
});

describe('the comparison of states', () => {
  it('tells every difference, and takes two missing states for the same', () => {
    expect(isSameState(null, null)).toBe(true);
    expect(isSameState(state('a'), null)).toBe(false);
    expect(isSameState(null, state('a'))).toBe(false);
    expect(isSameState(state('a'), state('a'))).toBe(true);
    for (const other of [state('b'), state('a', 2), state('a', 1, DECLINED)])
      expect(isSameState(state('a'), other)).toBe(false);
  });

  it('makes the digest of the lines of all states, as targets have to', () => {
    const lines = '["a","CREATED",true,1]\n["b","DECLINED",false,2]\n';
    const sha256 = createHash('sha256').update(lines).digest('hex');
    expect(digestOf([state('a'), state('b', 2, DECLINED)])).toBe(sha256);
  });

  it('leaves differences alone of entities that the ledger knows', () => {
    const facts = { entityId: 'a', ours: state('a'), theirs: state('a', 2), repair: null };
    const rows = new Map([['a', { row: DECLINED, version: 2 }]]);
    const newer = [{ ...facts, verdict: 'newer' as const }];
    expect(recognise(newer, rows)).toEqual(newer);
  });
});
