import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/pipeline/reconcile/comparison.ts';
import { Pair, state } from './pair.ts';

const DECLINED = ['DECLINED', false];
const caughtUp = async () => true;
const behind = async () => false;

/** What a sweep finds after our store was restored from an older state, and the log was read again. */
describe('a sweep after a restore', () => {
  /** The target holds what the ledger does not know; the view has the entity all the same. */
  function unrecorded(viewVersion: number, heldVersion: number): Pair {
    const pair = new Pair('a', 'c');
    pair.hold('b', heldVersion);
    pair.viewed.set('b', state('b', viewVersion, DECLINED));
    return pair;
  }

  it('the state of the view is delivered where the target holds another one of the same version', async () => {
    const pair = unrecorded(2, 2);
    const report = await pair.reconcile({ heals: true, untilCaughtUp: caughtUp, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 1, healed: 1, isCaughtUp: true, compared: 2 });
    expect(report.differences).toMatchObject([{ entityId: 'b', verdict: 'unrecorded', isHealed: true }]);
    expect(pair.repairs).toEqual([
      {
        entityId: 'b',
        was: 'unrecorded',
        version: 2,
        heldVersion: 2,
        replaces: digestOf([state('b', 2)]),
      },
    ]);
    expect(pair.held.get('b')).toEqual(state('b', 2, DECLINED));
  });

  it('the state of the view is delivered where the target holds an older version, whether or not all is journaled', async () => {
    const pair = unrecorded(3, 2);
    const report = await pair.reconcile({ heals: true, untilCaughtUp: behind, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 1, healed: 1, isCaughtUp: null });
    expect(pair.repairs).toMatchObject([{ entityId: 'b', version: 3, heldVersion: 2, replaces: null }]);
  });

  it('the state of the view is delivered where the ledger is behind it and the target holds an older version', async () => {
    const pair = new Pair('a', 'c');
    pair.owe('b', { deliveredVersion: 8, viewVersion: 56 });
    pair.hold('b', 37, DECLINED);
    const report = await pair.reconcile({ heals: true, untilCaughtUp: behind, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 1, healed: 1, compared: 3 });
    expect(report.differences).toMatchObject([{ entityId: 'b', verdict: 'unrecorded', isHealed: true }]);
    expect(pair.repairs).toEqual([
      { entityId: 'b', was: 'behind', version: 56, heldVersion: 37, replaces: null },
    ]);
    expect(pair.held.get('b')).toEqual(state('b', 56));
  });

  it('another state of the view’s version is replaced where the ledger has an older one', async () => {
    const pair = new Pair('a');
    pair.owe('b', { deliveredVersion: 8, viewVersion: 37 });
    pair.hold('b', 37, DECLINED);
    const report = await pair.reconcile({ heals: true, untilCaughtUp: caughtUp, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 1, healed: 1, isCaughtUp: true });
    expect(pair.repairs).toMatchObject([
      { was: 'behind', version: 37, heldVersion: 37, replaces: digestOf([state('b', 37, DECLINED)]) },
    ]);
  });

  it('a later version than that of the view is left alone', async () => {
    const pair = new Pair('a');
    pair.owe('b', { deliveredVersion: 8, viewVersion: 36 });
    pair.hold('b', 37, DECLINED);
    const report = await pair.reconcile({ heals: true, untilCaughtUp: caughtUp, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 0, differences: [{ entityId: 'b', verdict: 'newer' }] });
  });

  it('the ledger records what the target holds as it should be, so that later changes become due', async () => {
    const pair = new Pair('a');
    pair.hold('b', 2);
    pair.viewed.set('b', state('b', 2));
    const report = await pair.reconcile({ heals: true, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 1, healed: 1 });
    expect(pair.repairs).toMatchObject([{ entityId: 'b', version: 2, replaces: null }]);
    expect(pair.owed.get('b')).toMatchObject({ status: 'delivered', deliveredVersion: 2 });
  });

  it.each([
    ['the log does not answer, or its end is not journaled', behind],
    ['nobody can say how far the log goes', undefined],
  ])('another state of the same version is left alone while %s', async (_, untilCaughtUp) => {
    const pair = unrecorded(2, 2);
    const report = await pair.reconcile({
      heals: true,
      onMadeDue: pair.deliver,
      ...(untilCaughtUp === undefined ? {} : { untilCaughtUp }),
    });
    expect(report).toMatchObject({ madeDue: 0, healed: 0, isCaughtUp: false });
    expect(report.differences).toMatchObject([{ entityId: 'b', verdict: 'unrecorded', isHealed: false }]);
    expect(pair.repairs).toEqual([]);
  });

  it('a later version at the target is left alone, and the report says whether all of the log was journaled', async () => {
    const pair = unrecorded(2, 3);
    for (const untilCaughtUp of [caughtUp, behind]) {
      const report = await pair.reconcile({ heals: true, untilCaughtUp });
      expect(report).toMatchObject({ madeDue: 0, isCaughtUp: untilCaughtUp === caughtUp });
      expect(report.differences).toMatchObject([{ entityId: 'b', verdict: 'newer', repair: null }]);
    }
  });

  it('an entity that neither ledger nor view knows is reported, and nothing is changed', async () => {
    const pair = new Pair('a');
    pair.hold('b', 2);
    const report = await pair.reconcile({ heals: true, untilCaughtUp: caughtUp });
    expect(report).toMatchObject({ madeDue: 0, isCaughtUp: null });
    expect(report.differences).toMatchObject([{ entityId: 'b', verdict: 'unexpected' }]);
  });

  it('an entity that has changed in the view since the comparison is left alone', async () => {
    const pair = unrecorded(2, 2);
    pair.beforeMadeDue = () => pair.viewed.set('b', state('b', 3, DECLINED));
    const report = await pair.reconcile({ heals: true, untilCaughtUp: caughtUp, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 0, healed: 0 });
  });

  it('a delivery that was refused because the target has other content for its version is made due once more', async () => {
    const pair = new Pair('a');
    pair.hold('b', 3);
    pair.owe('b', { status: 'dead', deliveredVersion: null, dueVersion: 3, row: DECLINED });
    const report = await pair.reconcile({ heals: true, untilCaughtUp: caughtUp, onMadeDue: pair.deliver });
    expect(report).toMatchObject({ madeDue: 1, healed: 1 });
    expect(pair.repairs).toMatchObject([
      { entityId: 'b', was: 'dead', version: 3, replaces: digestOf([state('b', 3)]) },
    ]);
    expect(pair.held.get('b')).toEqual(state('b', 3, DECLINED));
  });

  it.each([
    ['another state', DECLINED, 4, digestOf([state('b', 4)])],
    ['the same state', undefined, 4, null],
    ['an older version', DECLINED, 5, null],
  ])(
    "the view's state is delivered where a dead delivery is older than what the target holds: %s",
    async (_, row, viewVersion, replaces) => {
      const pair = new Pair('a');
      pair.hold('b', 4);
      pair.owe('b', {
        status: 'dead',
        deliveredVersion: null,
        dueVersion: 3,
        viewVersion,
        ...(row === undefined ? {} : { row }),
      });
      const report = await pair.reconcile({ heals: true, untilCaughtUp: caughtUp, onMadeDue: pair.deliver });
      expect(report).toMatchObject({ madeDue: 1, healed: 1, dead: 1 });
      expect(pair.repairs).toEqual([
        { entityId: 'b', was: 'behind', version: viewVersion, heldVersion: 4, replaces },
      ]);
      expect(pair.held.get('b')).toMatchObject({ version: viewVersion });
    },
  );

  it('a dead delivery is left alone if the target does not hold the entity, or holds another version', async () => {
    const pair = new Pair('a');
    for (const [id, version] of [
      ['b', 2],
      ['d', 4],
    ] as const) {
      pair.hold(id, version);
      pair.owe(id, { status: 'dead', deliveredVersion: null, dueVersion: 3, row: DECLINED });
    }
    pair.owe('c', { status: 'dead', deliveredVersion: null, dueVersion: 3, row: DECLINED });
    const report = await pair.reconcile({ heals: true, untilCaughtUp: caughtUp });
    expect(report).toMatchObject({ madeDue: 0, dead: 3, differences: [] });
  });
});
