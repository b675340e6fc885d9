import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { LOG_FILE } from '../../../../src/adapters/embedded-log/file/schema.ts';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { openStore } from '../../../../src/apps/shared/parts/open-store.ts';
import { whoHolds } from '../../../../src/apps/shared/process/lock-holder.ts';
import { orderState } from '../../../contract/order-states.ts';
import {
  acquireOne,
  change,
  commitChanges,
  migrateParcels,
  SettableClock,
  TARGETS,
} from '../../../contract/store/fixtures.ts';
import { HastyClock } from '../../../helpers/hasty-clock.ts';
import { LockProcess } from '../../../helpers/lock-process.ts';
import { sqliteStates } from '../../../helpers/order-states.ts';

const WAITING = { timeout: 20_000, interval: 20 };

// Only Linux lists the locks of its processes.
describe.skipIf(!existsSync('/proc/locks'))('the holder of a write lock', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tributary-lock-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
  });

  async function openParcels(file: string) {
    const clock = new HastyClock();
    const opened = await openStore(
      { databaseUrl: `sqlite:${file}` },
      { clock, logger: () => {}, targets: TARGETS, lanes: 1 },
    );
    onTestFinished(() => opened.close());
    return migrateParcels(opened, clock);
  }

  it('gets named with its state, and nobody after the lock is free', async () => {
    const file = join(folder, 'store.sqlite');
    await openParcels(file);
    expect(whoHolds(file)).toBeNull();
    const holder = await LockProcess.start(file);
    expect(whoHolds(file)).toMatch(`held by process ${holder.pid}, which is not stopped`);
    holder.stop();
    await vi.waitFor(
      () =>
        expect(whoHolds(file)).toMatch(
          `held by process ${holder.pid}, which is stopped: let it go on by "kill -CONT ${holder.pid}", or end it`,
        ),
      WAITING,
    );
    await holder.letGoOn();
    expect(whoHolds(file)).toBeNull();
    expect(whoHolds(join(folder, 'none.sqlite'))).toBeNull();
  });

  it.each(['killed', 'let go on'])('gets named by the store and its health until it is %s', async (end) => {
    const file = join(folder, 'store.sqlite');
    const store = await openParcels(file);
    const holder = await LockProcess.start(file);
    holder.stop();
    const named = expect.stringContaining(`process ${holder.pid}, which is stopped`);
    await expect(commitChanges(store, change('parcel', 0))).rejects.toMatchObject({
      code: 'store_busy',
      message: named,
    });
    await expect(acquireOne(store)).rejects.toMatchObject({ message: named });
    expect(await store.health()).toEqual({ ok: false, reason: named });

    if (end === 'killed') await holder.kill();
    else await holder.letGoOn();
    await vi.waitFor(async () => expect(await store.health()).toEqual({ ok: true }), WAITING);
    await commitChanges(store, change('parcel', 0));
  });

  it('gets named by order-mgt, which answers readers meanwhile and takes deliveries afterwards', async () => {
    const file = join(folder, 'order-mgt.sqlite');
    const states = await sqliteStates(file, { whoHolds });
    onTestFinished(() => states.close());
    const holder = await LockProcess.start(file);
    holder.stop();
    const delivery = { deliveryId: 'a', state: orderState(), receivedAtMs: 0 };
    let isAnswered = false;
    const receiving = states.receive([delivery]).finally(() => {
      isAnswered = true;
    });
    expect(await states.read('order123')).toBeNull();
    expect(isAnswered).toBe(false);
    await expect(receiving).rejects.toMatchObject({
      code: 'store_busy',
      message: expect.stringContaining(`process ${holder.pid}, which is stopped`),
    });
    expect(await states.health()).toMatchObject({ ok: false });

    await holder.kill();
    expect(await states.health()).toEqual({ ok: true });
    expect(await states.receive([delivery])).toEqual([{ effect: 'applied', heldVersion: 2 }]);
  });

  it('gets named by the embedded log', async () => {
    const log = openEmbeddedLog({ dataDir: folder, clock: systemClock, lockTimeoutMs: 300, whoHolds });
    onTestFinished(() => log.close());
    await log.createTopics([{ topic: 'parcels', partitions: 1 }]);
    const holder = await LockProcess.start(join(folder, LOG_FILE));
    holder.stop();
    const producer = log.producer();
    const record = { topic: 'parcels', key: null, value: Buffer.from('{}'), headers: [] };
    await expect(producer.append([record])).rejects.toThrow(`process ${holder.pid}, which is stopped`);
    await holder.kill();
    await producer.append([record]);
    await producer.close();
  });

  it('leaves the event loop of a process that waits for the lock free', async () => {
    const file = join(folder, 'store.sqlite');
    const store = await openParcels(file);
    const holder = await LockProcess.start(file);
    holder.stop();
    let turns = 0;
    const clock = new SettableClock();
    const committing = commitChanges(store, change('parcel', 0)).catch(() => 'locked');
    const counting = (async () => {
      for (let turn = 0; turn < 10; turn++) {
        await clock.sleep(1);
        turns++;
      }
    })();
    await counting;
    expect(turns).toBe(10);
    expect(await committing).toBe('locked');
  });
});
