import { beforeEach, describe, expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../src/core/errors.ts';
import type { Store } from '../../src/ports/store.ts';
import { MemoryDatabase, openMemoryStore, type StoreSession } from '../../src/testing/memory-store/index.ts';
import { claimOnly, LEASE_MS, settlement } from '../contract/store/delivery-helpers.ts';
import {
  acquireOne,
  batchOf,
  change,
  commitChanges,
  DUE,
  letOthersRun,
  migrateParcels,
  move,
  TARGET,
  TARGETS,
} from '../contract/store/fixtures.ts';
import { ScriptedSession } from './memory-store/scripted-session.ts';

describe('a simulated database', () => {
  let clock: SeededClock;
  let database: MemoryDatabase;
  let session: ScriptedSession;
  /** A store behind `session`. */
  let remote: Store;
  /** Another process, whose statements never wait. */
  let local: Store;

  const open = (given?: StoreSession): Promise<Store> => {
    const opened = openMemoryStore({
      database,
      clock,
      targets: TARGETS,
      ...(given === undefined ? {} : { session: given }),
    });
    return migrateParcels(opened, clock);
  };

  beforeEach(async () => {
    clock = new SeededClock({ seed: 1 });
    database = new MemoryDatabase({ clock });
    session = new ScriptedSession();
    remote = await open(session);
    local = await open();
  });

  /** Follows a promise that may stay pending. */
  function followed<Result>(promise: Promise<Result>): { outcome: unknown } {
    const seen: { outcome: unknown } = { outcome: 'pending' };
    promise.then(
      (result) => {
        seen.outcome = result;
      },
      (error: unknown) => {
        seen.outcome = error instanceof TributaryError ? error.code : error;
      },
    );
    return seen;
  }

  it('shows nobody what is not committed', async () => {
    const checkpoint = await acquireOne(remote);
    const held = session.holdBefore('COMMIT');
    const batch = batchOf([move(checkpoint)], [change('parcel', 0, { delivery: DUE })]);
    const commit = followed(remote.commit(batch));
    await held.arrived;
    expect(await local.counts()).toMatchObject({ journaledEvents: 0, viewRows: 0, deliveriesPending: 0 });
    expect((await local.checkpoints())[0]?.nextOffset).toBe(0n);
    held.goOn();
    await letOthersRun();
    expect(commit.outcome).toEqual({ kind: 'committed', deliveriesDue: 2 });
    expect(await local.counts()).toMatchObject({ journaledEvents: 1, viewRows: 1, deliveriesPending: 2 });
    expect((await local.checkpoints())[0]?.nextOffset).toBe(1n);
  });

  it.each([
    ['write rows', 'store_busy', 'store_busy', 0],
    ['insert events', 'store_failed', 'store_failed', 0],
    ['make states due', 'store_unreachable', 'store_unreachable', 1],
    ['COMMIT', 'store_unreachable', 'store_commit_unknown', 1],
    ['COMMIT', 'store_busy', 'store_commit_unknown', 1],
  ] as const)('rolls back when "%s" fails with %s', async (name, code, seen, breaks) => {
    const { generation } = remote;
    session.failBefore(name, code);
    const batch = batchOf([], [change('parcel', 0, { delivery: DUE })]);
    await expect(remote.commit(batch)).rejects.toMatchObject({ code: seen, retryable: true });
    expect(await local.counts()).toMatchObject({ journaledEvents: 0, viewRows: 0, deliveriesPending: 0 });
    expect(remote.generation).toBe(generation + breaks);
    expect(local.generation).toBe(1);
    // Its locks are free.
    await commitChanges(local, change('parcel', 0, { delivery: DUE }));
  });

  it('rolls back what is stale, once the ROLLBACK has arrived', async () => {
    const checkpoint = await acquireOne(local);
    const held = session.holdBefore('ROLLBACK');
    const stale = followed(remote.commit(batchOf([move(checkpoint)], [change('parcel', 3)])));
    await held.arrived;
    const next = followed(local.commit(batchOf([move(checkpoint)], [change('parcel', 0)])));
    await letOthersRun();
    expect(next.outcome).toBe('pending');
    held.goOn();
    await letOthersRun();
    expect([stale.outcome, next.outcome]).toMatchObject([{ kind: 'stale' }, { kind: 'committed' }]);
    expect((await local.checkpoints())[0]?.nextOffset).toBe(1n);
  });

  it('keeps what is committed when the answer is lost', async () => {
    session.after = (name) => {
      if (name === 'COMMIT') throw new TributaryError('store_unreachable', 'The test wants it.');
    };
    await expect(remote.commit(batchOf([], [change('parcel', 0)]))).rejects.toMatchObject({
      code: 'store_commit_unknown',
    });
    expect(await local.counts()).toMatchObject({ journaledEvents: 1 });
    session.after = (name) => {
      if (name === 'add to the audit log')
        throw new TributaryError('store_unreachable', 'The test wants it.');
    };
    const entry = { subject: 'x', details: {}, decidedBy: 'ops', reason: 'try', decidedAtMs: 1 } as const;
    await expect(remote.addAudit({ action: 'rows_repaired', ...entry })).rejects.toMatchObject({
      code: 'store_unreachable',
    });
    expect(await local.listAudit({ after: null, limit: 9 })).toHaveLength(1);
  });

  it('passes an error of the program on as it is, and rolls back', async () => {
    session.before = (name) => {
      if (name === 'COMMIT') throw new TypeError('undefined is not a function');
    };
    await expect(remote.commit(batchOf([], [change('parcel', 0)]))).rejects.toBeInstanceOf(TypeError);
    await commitChanges(local, change('parcel', 0));
  });

  it('lets a writer wait for the row that another one has locked', async () => {
    const held = session.holdBefore('COMMIT');
    const first = followed(remote.commit(batchOf([], [change('parcel', 0)])));
    await held.arrived;
    const second = followed(local.commit(batchOf([], [change('parcel', 0)])));
    const other = followed(local.commit(batchOf([], [change('other', 0)])));
    await letOthersRun();
    expect([second.outcome, other.outcome]).toMatchObject(['pending', { kind: 'committed' }]);
    held.goOn();
    await letOthersRun();
    expect([first.outcome, second.outcome]).toMatchObject([{ kind: 'committed' }, { kind: 'stale' }]);
  });

  it.each([
    ['commit', 10_000],
    ['acquire', 2_000],
  ] as const)('gives up a wait of %s for a lock after %i ms', async (method, waitMs) => {
    const checkpoint = await acquireOne(remote);
    const held = session.holdBefore('COMMIT');
    void remote.commit(batchOf([move(checkpoint)], [change('parcel', 0)]));
    await held.arrived;
    const waiting = followed<unknown>(
      method === 'acquire' ? acquireOne(local) : local.commit(batchOf([move(checkpoint)], [])),
    );
    await clock.advance(waitMs - 1);
    expect(waiting.outcome).toBe('pending');
    await clock.advance(1);
    expect(waiting.outcome).toBe('store_busy');
    expect(clock.sleepers).toBe(0);
    held.goOn();
    await letOthersRun();
    expect(await local.counts()).toMatchObject({ journaledEvents: 1 });
  });

  it('finds a deadlock of two transactions at once', async () => {
    const other = new ScriptedSession();
    const third = await open(other);
    const heldFirst = session.holdBefore('move a checkpoint');
    const [left, right] = [await acquireOne(local, 0), await acquireOne(local, 1)];
    // Moves are sorted, so only a mistake locks them in another sequence.
    const first = followed(remote.commit(batchOf([move(left), move(right)], [])));
    await heldFirst.arrived;
    heldFirst.goOn();
    const heldAgain = session.holdBefore('move a checkpoint');
    await heldAgain.arrived;
    const heldSecond = other.holdBefore('move a checkpoint');
    const second = followed(third.commit(batchOf([move(right), move(left)], [])));
    await heldSecond.arrived;
    heldSecond.goOn();
    const heldThird = other.holdBefore('move a checkpoint');
    await heldThird.arrived;
    heldAgain.goOn();
    await letOthersRun();
    expect([first.outcome, second.outcome]).toEqual(['pending', 'pending']);
    heldThird.goOn();
    await letOthersRun();
    expect([first.outcome, second.outcome]).toMatchObject([{ kind: 'committed' }, 'store_busy']);
    expect(clock.sleepers).toBe(0);
  });

  describe('endSession', () => {
    it.each([
      ['COMMIT', 'store_commit_unknown'],
      ['insert events', 'store_unreachable'],
    ] as const)('rolls back a session that froze before "%s", which learns it later', async (name, code) => {
      const checkpoint = await acquireOne(remote);
      const held = session.holdBefore(name);
      const frozen = followed(remote.commit(batchOf([move(checkpoint)], [change('parcel', 0)])));
      await held.arrived;
      const next = followed(acquireOne(local));
      await letOthersRun();
      expect(next.outcome).toBe('pending');
      database.endSession(session);
      await letOthersRun();
      expect(next.outcome).toMatchObject({ nextOffset: 0n, epoch: 2n });
      expect(database.hasTransaction(session)).toBe(false);
      held.goOn();
      await letOthersRun();
      expect(frozen.outcome).toBe(code);
      expect(await local.counts()).toMatchObject({ journaledEvents: 0 });
      await commitChanges(remote, change('parcel', 0));
    });

    it('ends a wait for a lock', async () => {
      const other = new ScriptedSession();
      const third = await open(other);
      const held = session.holdBefore('COMMIT');
      void remote.commit(batchOf([], [change('parcel', 0)]));
      await held.arrived;
      const waiting = followed(third.commit(batchOf([], [change('parcel', 0)])));
      await letOthersRun();
      database.endSession(other);
      await letOthersRun();
      expect(waiting.outcome).toBe('store_unreachable');
      expect(clock.sleepers).toBe(0);
      held.goOn();
      await letOthersRun();
      expect(await local.counts()).toMatchObject({ journaledEvents: 1 });
    });

    it('frees the locks of a process that never goes on', async () => {
      session.before = (name) => (name === 'COMMIT' ? new Promise(() => {}) : undefined);
      const checkpoint = await acquireOne(local);
      const dead = followed(remote.commit(batchOf([move(checkpoint)], [change('parcel', 0)])));
      await letOthersRun();
      database.endSession(session);
      const outcome = await local.commit(batchOf([move(checkpoint)], [change('parcel', 0)]));
      expect(outcome).toMatchObject({ kind: 'committed' });
      expect(dead.outcome).toBe('pending');
    });
  });

  describe('restore', () => {
    it('puts everything back, any number of times', async () => {
      await commitChanges(local, change('parcel', 0, { delivery: DUE }));
      const snapshot = database.snapshot();
      const tables = { view: await local.readView(['parcel']), counts: await local.counts() };
      for (let count = 0; count < 2; count++) {
        await acquireOne(local);
        await commitChanges(local, change('parcel', 1, { delivery: DUE }), change('other', 0));
        const request = { target: TARGET, claimant: `one ${count}`, limit: 9, leaseMs: LEASE_MS };
        expect(await local.claimDeliveries({ ...request, attempts: 'first' })).toHaveLength(1);
        database.restore(snapshot);
        expect(await local.readView(['parcel', 'other'])).toEqual(tables.view);
        expect(await local.counts()).toEqual(tables.counts);
        expect(await local.checkpoints()).toEqual([]);
        expect((await local.readJournals(['parcel'])).get('parcel')).toHaveLength(1);
        expect(await local.readDelivery(TARGET, 'parcel')).toMatchObject({ attempts: 0, dueVersion: 1 });
      }
    });

    it.each([
      [{}, 1, true],
      [{ areTablesNew: true }, 1, false],
      [{ areConnectionsKept: true }, 0, true],
      [{ areConnectionsKept: true, areTablesNew: true }, 0, false],
    ] as const)(
      'raises the generation and changes the incarnation as %j says',
      async (options, more, isSame) => {
        const before = await local.incarnation();
        const { generation } = local;
        const storeId = await local.storeId();
        database.restore(database.snapshot(), options);
        expect(local.generation).toBe(generation + more);
        expect((await local.incarnation()) === before).toBe(isSame);
        expect(await local.storeId()).toBe(storeId);
      },
    );

    it('rolls back what is under way', async () => {
      const snapshot = database.snapshot();
      const held = session.holdBefore('COMMIT');
      const lost = followed(remote.commit(batchOf([], [change('parcel', 0)])));
      await held.arrived;
      database.restore(snapshot);
      held.goOn();
      await letOthersRun();
      expect(lost.outcome).toBe('store_commit_unknown');
      expect(await local.counts()).toMatchObject({ journaledEvents: 0 });
    });

    it('makes a database empty again that had no tables', async () => {
      const empty = new MemoryDatabase().snapshot();
      database.restore(empty);
      await expect(local.checkpoints()).rejects.toMatchObject({ code: 'table_missing' });
      await expect(local.incarnation()).rejects.toMatchObject({ code: 'table_missing' });
      await migrateParcels(openMemoryStore({ database, clock, targets: TARGETS }), clock);
      expect(await local.counts()).toMatchObject({ viewRows: 0 });
    });
  });

  it('gives a delivery to one of two claimants that have read it at once', async () => {
    const ids = ['a', 'b', 'c'];
    await commitChanges(local, ...ids.map((id) => change(id, 0, { delivery: DUE })));
    const held = session.holdBefore('take deliveries');
    const request = { target: TARGET, leaseMs: LEASE_MS, attempts: 'first' } as const;
    const slow = remote.claimDeliveries({ ...request, claimant: 'slow', limit: 3 });
    await held.arrived;
    const quick = await local.claimDeliveries({ ...request, claimant: 'quick', limit: 2 });
    held.goOn();
    const idsOf = (claims: Awaited<typeof slow>) => claims.map(({ entityId }) => entityId);
    expect([idsOf(quick), idsOf(await slow)]).toEqual([['a', 'b'], ['c']]);
    expect((await slow)[0]).toMatchObject({ attempt: 1, version: 1, claimant: 'slow' });
  });

  it('leaves a retry alone that an uncounted attempt has made of a first attempt since it was read', async () => {
    await commitChanges(local, change('parcel', 0, { delivery: DUE }));
    const held = session.holdBefore('take deliveries');
    const request = { target: TARGET, limit: 1, leaseMs: LEASE_MS, attempts: 'first' } as const;
    const slow = remote.claimDeliveries({ ...request, claimant: 'slow' });
    await held.arrived;
    const retryAtMs = clock.now() + 60_000;
    await local.settleDeliveries([settlement(await claimOnly(local), { retryAtMs, isCounted: false })]);
    held.goOn();
    expect(await slow).toEqual([]);
    const delivery = await local.readDelivery(TARGET, 'parcel');
    expect(delivery).toMatchObject({ attempts: 0, nextAttemptAtMs: retryAtMs });
  });

  it('exchanges the tables of the view only while no transaction uses them', async () => {
    await local.beginRebuild({
      rebuildId: 'rebuild',
      foldVersion: 2,
      columns: [{ name: 'place', type: 'text' }],
    });
    const held = session.holdBefore('COMMIT');
    const writing = followed(remote.commit(batchOf([], [change('parcel', 0)])));
    await held.arrived;
    const began = followed(local.beginSwitch('rebuild'));
    await letOthersRun();
    // The batch moves no checkpoint, so it has locked the state of the view.
    expect(began.outcome).toBe('pending');
    held.goOn();
    await letOthersRun();
    expect([writing.outcome, began.outcome]).toMatchObject([{ kind: 'committed' }, 3]);

    const mending = session.holdBefore('COMMIT');
    void remote.mendLedger([]);
    await mending.arrived;
    const exchange = { rebuildId: 'rebuild', epoch: 3, waitSeconds: 1 };
    const refused = followed(local.exchange(exchange));
    await clock.advance(1_000);
    expect(refused.outcome).toBe('store_busy');
    expect(await local.viewState()).toMatchObject({ phase: 'switching', foldVersion: 1 });
    const waiting = followed(local.exchange(exchange));
    await letOthersRun();
    expect(waiting.outcome).toBe('pending');
    // Another process leaves the exchange alone that is under way.
    expect(await local.takeBackSwitch(3)).toBe(false);
    mending.goOn();
    await letOthersRun();
    expect(waiting.outcome).toBeUndefined();
    expect(await local.viewState()).toMatchObject({ phase: 'settling', foldVersion: 2, epoch: 4 });
  });

  it('sends no statement for what has nothing to do', async () => {
    session.sent.length = 0;
    await remote.settleDeliveries([]);
    await remote.releaseDeliveries([]);
    await remote.renewDeliveries([], LEASE_MS);
    expect(session.sent).toEqual([]);
  });
});
