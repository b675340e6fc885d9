import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WalSync } from '../../../src/adapters/sqlite/wal-sync.ts';
import { sqliteStates } from '../../helpers/order-states.ts';

/** A disk that takes as long as the test wants. */
class SlowDisk {
  begun = 0;
  isClosed = false;
  readonly wal = new WalSync(
    'orders.sqlite',
    () => this.#sync(),
    async () => {
      this.isClosed = true;
    },
  );
  #waiting: PromiseWithResolvers<void>[] = [];

  #sync(): Promise<void> {
    this.begun++;
    const sync = Promise.withResolvers<void>();
    this.#waiting.push(sync);
    return sync.promise;
  }

  /** Ends the sync that has waited longest. */
  async end(error?: Error): Promise<void> {
    const sync = this.#waiting.shift();
    if (error === undefined) sync?.resolve();
    else sync?.reject(error);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function note(names: string[], name: string, promise: Promise<void>): void {
  promise.then(
    () => names.push(name),
    (error: { code?: string }) => names.push(`${name}: ${error.code}`),
  );
}

describe('waiting for the disk', () => {
  it('ends with a sync that began after the asking: who comes during one shares the next', async () => {
    const disk = new SlowDisk();
    const done: string[] = [];
    note(done, 'first', disk.wal.sync());
    note(done, 'second', disk.wal.sync());
    note(done, 'third', disk.wal.sync());
    expect(disk.begun).toBe(1);
    await disk.end();
    expect(done).toEqual(['first']);
    expect(disk.begun).toBe(2);
    note(done, 'fourth', disk.wal.sync());
    await disk.end();
    expect(done).toEqual(['first', 'second', 'third']);
    await disk.end();
    expect(done).toEqual(['first', 'second', 'third', 'fourth']);
    expect(disk.begun).toBe(3);
  });

  it('fails for all once the disk has failed, and is never tried again', async () => {
    const disk = new SlowDisk();
    const done: string[] = [];
    note(done, 'first', disk.wal.sync());
    note(done, 'second', disk.wal.sync());
    expect(disk.wal.failure).toBeNull();
    await disk.end(new Error('EIO: i/o error, fdatasync'));
    note(done, 'third', disk.wal.sync());
    await disk.end();
    expect(done).toEqual(
      [1, 2, 3].map((n) => `${['first', 'second', 'third'][n - 1]}: store_commit_unknown`),
    );
    expect(disk.begun).toBe(1);
    expect(disk.wal.failure).toMatchObject({
      message: expect.stringMatching(/orders\.sqlite.*EIO.*check the disk/),
    });
  });

  it('is over before the file is closed', async () => {
    const disk = new SlowDisk();
    const done: string[] = [];
    note(done, 'first', disk.wal.sync());
    note(done, 'second', disk.wal.sync());
    note(done, 'closed', disk.wal.close());
    await disk.end();
    expect(disk.isClosed).toBe(false);
    await disk.end();
    expect(done).toEqual(['first', 'second', 'closed']);
    expect(disk.isClosed).toBe(true);
  });

  it('of a database in memory is no wait', async () => {
    const wal = WalSync.of(new DatabaseSync(':memory:'));
    await wal.sync();
    await wal.close();
  });

  it('is for the log that the database writes, also after checkpoints', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-wal-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'orders.sqlite');
    const states = await sqliteStates(file);
    const before = statSync(`${file}-wal`).ino;
    const other = new DatabaseSync(file);
    for (let version = 1; version <= 3; version++) {
      const state = { order_status: null, payment_status: null, review_status: null, ready_to_send: true };
      await states.receive([
        { deliveryId: `d${version}`, state: { order_id: 'a', version, ...state }, receivedAtMs: 0 },
      ]);
      other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    }
    other.close();
    expect(statSync(`${file}-wal`).ino).toBe(before);
    await states.close();
  });

  it('says which log cannot be opened', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-wal-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const database = new DatabaseSync(join(folder, 'plain.sqlite'));
    database.exec('CREATE TABLE anything (id)');
    expect(() => WalSync.of(database)).toThrow(/write-ahead log .*plain\.sqlite-wal cannot be opened/);
    database.close();
  });
});
