import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ReceivedIds,
  type ReceivedIdsLimits,
} from '../../../../../src/apps/order-mgt/states/sqlite/received-ids.ts';
import { sqliteStates } from '../../../../helpers/order-states.ts';

let folder: string;
const opened: DatabaseSync[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-received-ids-'));
  await (await sqliteStates(fileIn(folder))).close();
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const database of opened.splice(0)) database.close();
  rmSync(folder, { recursive: true, force: true });
});

const fileIn = (place: string) => join(place, 'order-mgt.sqlite');
const numbered = (count: number, name = 'id') =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);

/** Receives ids as order-mgt does, in one transaction for each call, without the orders. */
class Receiver {
  readonly database: DatabaseSync;
  readonly ids: ReceivedIds;

  constructor(limits: Partial<ReceivedIdsLimits> = {}, place = folder) {
    this.database = new DatabaseSync(fileIn(place));
    opened.push(this.database);
    this.ids = new ReceivedIds(this.database, {
      recentMax: 8,
      mergedMin: 3,
      caughtUpMax: 1_000,
      ...limits,
    });
  }

  /** Adds new ids and repairs known ones. */
  receive(...deliveryIds: string[]): void {
    this.begin();
    for (const id of deliveryIds) this.take(id);
    this.ids.mergeSome();
    this.database.exec('COMMIT');
  }

  begin(): void {
    this.database.exec('BEGIN IMMEDIATE');
    this.ids.catchUp();
  }

  take(id: string): void {
    const known = this.ids.sequenceOf(id);
    const sequence = this.ids.add(id);
    if (known === undefined)
      this.run(`INSERT INTO delivery_receipts VALUES (?, ?, 'o', 1, 'h', 'applied', 't')`, sequence, id);
    else this.run('UPDATE delivery_receipts SET sequence = ? WHERE sequence = ?', sequence, known);
  }

  rollBack(): void {
    if (this.database.isTransaction) this.database.exec('ROLLBACK');
    this.ids.forget();
  }

  /** The sequences that are found for these ids. */
  found(deliveryIds: Iterable<string>): Record<string, number | undefined> {
    this.begin();
    const found = Object.fromEntries([...deliveryIds].map((id) => [id, this.ids.sequenceOf(id)]));
    this.database.exec('COMMIT');
    return found;
  }

  receipts(): Record<string, number> {
    const rows = this.database.prepare('SELECT delivery_id, sequence FROM delivery_receipts').all();
    return Object.fromEntries(rows.map((row) => [String(row.delivery_id), Number(row.sequence)]));
  }

  indexed(): string[] {
    const rows = this.database.prepare('SELECT delivery_id FROM delivery_ids ORDER BY delivery_id').all();
    return rows.map((row) => String(row.delivery_id));
  }

  get end(): number {
    return Number(this.database.prepare('SELECT sequence FROM delivery_ids_end').get()?.sequence);
  }

  run(sql: string, ...values: (string | number)[]): void {
    this.database.prepare(sql).run(...values);
  }
}

/** Expects that all receipts are found under their sequences, by this receiver and by a new one. */
function expectAllFound(...receivers: Receiver[]): void {
  for (const receiver of [...receivers, new Receiver()]) {
    const receipts = receiver.receipts();
    expect(receiver.found([...Object.keys(receipts), 'never'])).toEqual({ ...receipts, never: undefined });
  }
}

describe('the received ids', () => {
  it('finds the ids that were added, within their transaction and after it, and no others', () => {
    const receiver = new Receiver();
    receiver.begin();
    receiver.take('a');
    expect(receiver.ids.sequenceOf('a')).toBe(1);
    expect(receiver.ids.sequenceOf('A')).toBeUndefined();
    receiver.take('b');
    receiver.database.exec('COMMIT');
    expect(receiver.found(['a', 'b', 'c'])).toEqual({ a: 1, b: 2, c: undefined });
    expectAllFound(receiver);
  });

  it('forgets the ids and numbers of a transaction that was rolled back', () => {
    const receiver = new Receiver();
    receiver.receive('a', 'b');
    receiver.begin();
    receiver.take('c');
    receiver.take('a');
    receiver.rollBack();
    expect(receiver.found(['a', 'b', 'c'])).toEqual({ a: 1, b: 2, c: undefined });
    receiver.receive('d');
    expect(receiver.receipts()).toEqual({ a: 1, b: 2, d: 3 });
  });

  it('forgets a merge that was rolled back when another process gives its numbers again', () => {
    const [one, other] = [new Receiver({ mergedMin: 100 }), new Receiver({ mergedMin: 100, recentMax: 4 })];
    for (const id of 'abcdefgh') one.receive(id);
    one.begin();
    for (const id of 'ijk') one.take(id);
    one.ids.mergeSome();
    expect(one.end).toBe(11);
    one.rollBack();
    one.receive();
    other.receive('a');
    expect(other.end).toBe(9);
    expectAllFound(one, other);
  });

  it('learns new and repaired ids from the receipts of other processes', () => {
    const [one, other] = [new Receiver(), new Receiver()];
    one.receive('a', 'b');
    other.receive('c', 'a');
    one.receive('d', 'b');
    expect(other.found('abcd')).toEqual({ a: 4, b: 6, c: 3, d: 5 });
    expectAllFound(one, other);
  });
});

describe('a merge of received ids', () => {
  it('begins above the limit, writes a slice in each transaction, and then raises the end of the index', () => {
    const receiver = new Receiver();
    for (const id of numbered(8)) receiver.receive(id);
    expect(receiver.indexed()).toEqual([]);
    const steps = numbered(4, 'later').map((id) => {
      receiver.receive(id);
      return [receiver.indexed().length, receiver.end, receiver.ids.recentCount];
    });
    expect(steps).toEqual([
      [3, 0, 9],
      [6, 0, 10],
      [9, 9, 2],
      [9, 9, 3],
    ]);
    expectAllFound(receiver);
  });

  it('writes in the sequence of the index, and goes on when no ids come', () => {
    const receiver = new Receiver();
    for (const ids of ['ice', 'ahg', 'bfd']) receiver.receive(...ids);
    expect(receiver.indexed()).toEqual([...'abcdef']);
    receiver.receive();
    expect([receiver.indexed(), receiver.end, receiver.ids.recentCount]).toEqual([[...'abcdefghi'], 9, 0]);
    expectAllFound(receiver);
  });

  it('writes all ids of a slice, in full statements and single ones', () => {
    for (const count of [31, 32, 33, 64, 100]) {
      const receiver = new Receiver({ mergedMin: 1_000 });
      receiver.receive(...numbered(count, `of-${count}`));
      expect(receiver.ids.recentCount).toBe(0);
      expectAllFound(receiver);
    }
  });

  it('keeps ids in memory that are repaired during the merge, before or after their slice', () => {
    const receiver = new Receiver({ mergedMin: 2 });
    for (const id of 'abcdefghi') receiver.receive(id);
    expect(receiver.indexed()).toEqual(['a', 'b']);
    for (const id of 'aieai') {
      receiver.receive(id);
      expectAllFound(receiver);
    }
    expect(receiver.end).toBe(9);
    expect(receiver.receipts()).toMatchObject({ e: 12, a: 13, i: 14 });
    expect(receiver.ids.recentCount).toBe(3);
  });

  it('never lowers the end that another process has raised', () => {
    const [slow, quick] = [new Receiver({ mergedMin: 2 }), new Receiver({ mergedMin: 100 })];
    for (const id of 'abcdefghi') slow.receive(id);
    slow.receive('j');
    expect([slow.end, slow.indexed().length]).toEqual([0, 4]);
    quick.receive();
    expect(quick.end).toBe(10);
    for (let turn = 0; turn < 4; turn++) slow.receive();
    expect(slow.end).toBe(10);
    expectAllFound(slow, quick);
  });

  it('writes the present sequences after another process has merged a repair', () => {
    const [slow, quick] = [new Receiver({ mergedMin: 2 }), new Receiver({ mergedMin: 100 })];
    for (const id of 'abcdefghi') slow.receive(id);
    slow.receive('i');
    quick.receive();
    expect(quick.end).toBe(10);
    for (let turn = 0; turn < 4; turn++) slow.receive();
    expectAllFound(slow, quick);
  });

  it('ends when another process was faster', () => {
    const [slow, quick] = [new Receiver({ mergedMin: 2 }), new Receiver({ mergedMin: 100 })];
    for (const id of 'abcdefghi') slow.receive(id);
    quick.receive('j');
    quick.receive('a');
    slow.receive('k');
    expect(slow.receipts()).toMatchObject({ a: 11, k: 12 });
    expect([slow.end, slow.ids.recentCount]).toEqual([10, 2]);
    expectAllFound(slow, quick);
  });

  it('never falls behind, however many ids each transaction brings', () => {
    const receiver = new Receiver();
    let most = 0;
    for (let turn = 0; turn < 60; turn++) {
      receiver.receive(...numbered(50, `of-${turn}`));
      most = Math.max(most, receiver.ids.recentCount);
    }
    expect(most).toBeLessThanOrEqual(8 + 2 * 50);
    expectAllFound(receiver);
  });
});

describe('receipts behind the end of the index', () => {
  it.each(['at the start', 'of another process'])(
    'reads and merges receipts behind the end in portions %s',
    (when) => {
      const reader = new Receiver({ caughtUpMax: 50, recentMax: 20 });
      if (when !== 'at the start') reader.receive('before');
      new Receiver().run(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1230)
       INSERT INTO delivery_receipts SELECT 5 + i, 'tail-' || i, 'o', 1, 'h', 'applied', 't' FROM n`,
      );
      const all = vi.spyOn(StatementSync.prototype, 'all');
      reader.begin();
      expect(Math.max(...all.mock.results.map(({ value }) => value.length))).toBe(50);
      expect(reader.ids.recentCount).toBeLessThan(50);
      reader.ids.mergeSome();
      reader.database.exec('COMMIT');
      expect(reader.end).toBeGreaterThan(1_150);
      expectAllFound(reader);
    },
  );

  it('reads receipts behind the end again in the transaction after a rollback', () => {
    const reader = new Receiver({ caughtUpMax: 5 });
    new Receiver({ recentMax: 1_000 }).receive(...numbered(33));
    reader.begin();
    expect(reader.end).toBe(30);
    reader.rollBack();
    expect(reader.end).toBe(0);
    expectAllFound(reader);
  });

  it('reads all receipts after the index was emptied', () => {
    const receiver = new Receiver({ caughtUpMax: 5 });
    for (let turn = 0; turn < 4; turn++) receiver.receive(...numbered(9, `of-${turn}`));
    receiver.database.exec('DELETE FROM delivery_ids; DELETE FROM delivery_ids_end');
    const later = new Receiver({ caughtUpMax: 5 });
    later.receive('new');
    expect(later.receipts()).toMatchObject({ new: 37 });
    expect(later.end).toBe(35);
    expectAllFound(later);
  });
});

describe('a failure during received ids', () => {
  it('loses no committed receipt, whichever statement a crash comes before', () => {
    const receiver = new Receiver({ mergedMin: 2, recentMax: 4, caughtUpMax: 6 });
    let committed = 0;
    const crashes: { place: string; committed: number }[] = [];
    const keep = () => {
      const place = join(folder, `crash-${crashes.length}`);
      mkdirSync(place);
      for (const end of ['', '-wal'])
        if (existsSync(fileIn(folder) + end)) copyFileSync(fileIn(folder) + end, fileIn(place) + end);
      crashes.push({ place, committed });
    };
    const run = StatementSync.prototype.run;
    vi.spyOn(StatementSync.prototype, 'run').mockImplementation(function (this: StatementSync, ...values) {
      keep();
      return run.apply(this, values);
    });
    receiver.database.exec('PRAGMA cache_size = 1');
    for (const ids of [
      'ab',
      'cdef',
      'ba',
      'ghijklm',
      'a',
      'f',
      'nop',
      '',
      'h',
      '',
      'qrst',
      'a',
      '',
      'uv',
      '',
    ]) {
      receiver.receive(...ids);
      committed = Object.keys(receiver.receipts()).length;
    }
    keep();
    vi.restoreAllMocks();
    expect(receiver.end).toBeGreaterThan(10);
    expect(crashes.length).toBeGreaterThan(50);
    for (const crash of crashes) {
      const survivor = new Receiver({ recentMax: 4, caughtUpMax: 6 }, crash.place);
      const receipts = survivor.receipts();
      expect(Object.keys(receipts)).toHaveLength(crash.committed);
      expect(survivor.found(Object.keys(receipts))).toEqual(receipts);
    }
  });

  it('loses nothing if a full disk takes the transaction back, also in the middle of a merge', () => {
    const receiver = new Receiver({ recentMax: 100, mergedMin: 60 });
    const pages = () => Number(receiver.database.prepare('PRAGMA page_count').get()?.page_count);
    let failures = 0;
    for (let turn = 0; turn < 40; turn++) {
      const before = receiver.receipts();
      receiver.database.exec(`PRAGMA max_page_count = ${pages() + (turn % 2)}`);
      try {
        receiver.receive(...numbered(12, `${'x'.repeat(200)}-${turn}`));
      } catch {
        failures++;
        receiver.rollBack();
        expect(receiver.receipts()).toEqual(before);
      }
      receiver.database.exec('PRAGMA max_page_count = 100000');
      if (turn % 5 === 0) expectAllFound(receiver);
    }
    expect(failures).toBeGreaterThan(10);
    for (let turn = 0; turn < 10; turn++) receiver.receive(...numbered(12, `after-${turn}`));
    expect(receiver.end).toBeGreaterThan(0);
    expectAllFound(receiver);
  });
});
