import type * as Fs from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import {
  batchOf,
  change,
  commitChanges,
  DUE,
  parcelMigration,
  SettableClock,
  TARGET,
  TARGETS,
} from '../../contract/store/fixtures.ts';
import { sqliteStates } from '../../helpers/order-states.ts';
import { timeBy } from './harness.ts';

/** What the disk does: nothing until the test lets it. */
const disk = vi.hoisted(() => ({ isHeld: false, isBroken: false, waiting: [] as (() => void)[] }));

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  const fdatasync = (descriptor: number, done: (error: Error | null) => void) => {
    const sync = () => fs.fdatasync(descriptor, done);
    if (disk.isBroken) setImmediate(() => done(new Error('EIO: i/o error, fdatasync')));
    else if (disk.isHeld) disk.waiting.push(sync);
    else sync();
  };
  return { ...fs, fdatasync };
});

function letGo(): void {
  disk.isHeld = false;
  for (const sync of disk.waiting.splice(0)) sync();
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  promise.then(over, over);
  await new Promise((resolve) => setTimeout(resolve, 30));
  return !isOver;
}

describe('while the disk has not synced', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-disk-'));
  });
  afterEach(() => {
    disk.isBroken = false;
    letGo();
    rmSync(folder, { recursive: true, force: true });
  });

  it('the store has not committed, and the next transaction goes on all the same', async () => {
    const clock = new SettableClock();
    const store = openSqliteStore({
      file: join(folder, 'store.sqlite'),
      clock,
      time: timeBy(clock),
      targets: TARGETS,
    });
    await store.migrate(parcelMigration(clock));
    await commitChanges(store, change('due', 0, { delivery: DUE }));

    disk.isHeld = true;
    const first = store.commit(batchOf([], [change('parcel', 0)]));
    const second = store.commit(batchOf([], [change('other', 0)]));
    const claim = store.claimDeliveries({
      target: TARGET,
      claimant: 'one',
      limit: 1,
      leaseMs: 1_000,
      attempts: 'first',
    });
    expect(await isPending(first)).toBe(true);
    expect(await isPending(second)).toBe(true);
    expect(await isPending(claim)).toBe(true);
    expect([...(await store.readView(['parcel', 'other'])).keys()].sort()).toEqual(['other', 'parcel']);
    letGo();
    expect(await first).toMatchObject({ kind: 'committed' });
    expect(await second).toMatchObject({ kind: 'committed' });
    expect(await claim).toHaveLength(1);
    await store.close();
  });

  it('the store is not closed, however often it is asked to', async () => {
    const clock = new SettableClock();
    const store = openSqliteStore({
      file: join(folder, 'store.sqlite'),
      clock,
      time: timeBy(clock),
      targets: TARGETS,
    });
    await store.migrate(parcelMigration(clock));
    disk.isHeld = true;
    const commit = store.commit(batchOf([], [change('parcel', 0)]));
    expect(await isPending(commit)).toBe(true);
    const closings = [store.close(), store.close()];
    for (const closing of closings) expect(await isPending(closing)).toBe(true);
    letGo();
    await Promise.all(closings);
    expect(await commit).toMatchObject({ kind: 'committed' });
  });

  it('order-mgt gives no receipt', async () => {
    const states = await sqliteStates(join(folder, 'order-mgt.sqlite'));
    const status = { order_status: 'CREATED', payment_status: null, review_status: null };
    const state = { order_id: 'order1', version: 1, ready_to_send: true, ...status };
    disk.isHeld = true;
    const receiving = states.receive([{ deliveryId: 'd1', state, receivedAtMs: 0 }]);
    expect(await isPending(receiving)).toBe(true);
    letGo();
    expect(await receiving).toEqual([{ effect: 'applied', heldVersion: 1 }]);
    await states.close();
  });
});

describe('once the disk has failed', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-disk-'));
  });
  afterEach(() => {
    disk.isBroken = false;
    rmSync(folder, { recursive: true, force: true });
  });

  it('the store begins nothing more until it is opened again, so that no attempt is counted', async () => {
    const clock = new SettableClock();
    const file = join(folder, 'store.sqlite');
    const store = openSqliteStore({ file, clock, time: timeBy(clock), targets: TARGETS });
    await store.migrate(parcelMigration(clock));
    await commitChanges(store, change('due', 0, { delivery: DUE }));
    disk.isBroken = true;
    await expect(store.commit(batchOf([], [change('parcel', 0)]))).rejects.toMatchObject({
      code: 'store_commit_unknown',
    });
    disk.isBroken = false;
    const claim = { target: TARGET, limit: 1, leaseMs: 1_000, attempts: 'first' } as const;
    for (let time = 0; time < 3; time++) {
      clock.nowMs += 2_000;
      await expect(store.claimDeliveries({ ...claim, claimant: `${time}` })).rejects.toMatchObject({
        code: 'store_commit_unknown',
      });
    }
    expect(await store.health()).toMatchObject({ ok: false, reason: expect.stringContaining('EIO') });
    await store.close();

    const again = openSqliteStore({ file, clock, time: timeBy(clock), targets: TARGETS });
    await again.migrate(parcelMigration(clock));
    const [claimed] = await again.claimDeliveries({ ...claim, claimant: 'again' });
    expect(claimed).toMatchObject({ entityId: 'due', attempt: 1 });
    await again.close();
  });

  it('order-mgt takes nothing more until it is opened again', async () => {
    const file = join(folder, 'order-mgt.sqlite');
    const states = await sqliteStates(file);
    const status = { order_status: 'CREATED', payment_status: null, review_status: null };
    const give = (orderId: string) => {
      const state = { order_id: orderId, version: 1, ready_to_send: true, ...status };
      return states.receive([{ deliveryId: `of ${orderId}`, state, receivedAtMs: 0 }]);
    };
    disk.isBroken = true;
    await expect(give('first')).rejects.toMatchObject({ code: 'store_commit_unknown' });
    disk.isBroken = false;
    await expect(give('second')).rejects.toMatchObject({ code: 'store_commit_unknown' });
    expect(await states.read('second')).toBeNull();
    expect(await states.health()).toMatchObject({ ok: false });
    await states.close();
  });
});
