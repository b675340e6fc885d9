import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, vi } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import {
  COUNTS,
  type Entry,
  MOVEMENTS,
  movements,
  Place,
  recordOf,
  TARGET,
  WAITING,
  wrap,
} from '../ingest/harness.ts';
import { broken, counted, create, done, keyless, placeWith, work } from './quarantine-work.ts';

describe('a redrive of quarantined records', () => {
  it('journals what passes at its place in the log, and the rows are right whatever came meanwhile', async () => {
    const [first, second, ...later] = movements('a', 6);
    const others = movements('b', 3);
    const count: Entry = { articleId: 'b', isCount: true, quantity: 7, minute: 1 };
    if (first === undefined || second === undefined) throw new Error('There are six.');
    const { place, refused } = await placeWith([first, second, ...others].map(keyless));
    await refused(5);
    await place.append([...later, count].map((entry) => recordOf(entry)));
    await place.settles([...later, count], 5);
    const before = await place.store.readQuarantine({ after: null, limit: 10 });

    await create(place.store, 'job', [{ reason: 'key_missing' }]);
    work(place.store);
    expect(await done(place.store, 'job')).toEqual(counted({ matched: 5, passed: 5, redriven: 5 }));
    await place.settles([first, second, ...later, ...others, count]);

    const journals = await place.store.readJournals(['a', 'b']);
    const placeOf = ({ topic, partition, offset }: { topic: string; partition: number; offset: bigint }) =>
      `${topic}/${partition}/${offset}`;
    const places = [...journals.values()].flat().map(placeOf);
    for (const record of before) expect(places).toContain(placeOf(record));
    const settled = await place.store.readQuarantine({ after: null, limit: 10, state: 'settled' });
    expect(settled.map((record) => record.settlement)).toEqual(
      Array(5).fill({
        settledAs: 'redriven',
        decidedBy: 'ops',
        reason: 'the setting is corrected (job job)',
        decidedAtMs: expect.any(Number),
      }),
    );
    // A low stock is due to the target, as after a commit of ingest.
    expect(await place.store.readDelivery(TARGET, 'b')).toMatchObject({ dueVersion: 4 });
  });

  it('an instance whose history of the entity is outdated by a redrive loses no event', async () => {
    const entries = movements('a', 40);
    const { place, refused } = await placeWith(entries.slice(0, 10).map(keyless));
    await refused(10);
    // Ingest has the history of "a" in memory from here on.
    await place.append(entries.slice(10, 20).map((entry) => recordOf(entry)));
    await place.settles(entries.slice(10, 20), 10);
    await create(place.store, 'job', [{}]);
    work(await place.anotherStore());
    await done(place.store, 'job');
    await place.append(entries.slice(20).map((entry) => recordOf(entry)));
    await place.settles(entries);
  });

  it('a dry run counts what passes and what does not, and changes nothing', async () => {
    const entries = movements('a', 5);
    const { place, refused } = await placeWith([
      ...entries.map(keyless),
      ...movements('b', 2).map((entry) => ({ ...broken(entry), key: null })),
    ]);
    await refused(7);
    const before = await place.store.readQuarantine({ after: null, limit: 10 });
    await create(place.store, 'job', [{ topic: MOVEMENTS }], true);
    work(place.store);
    expect(await done(place.store, 'job')).toEqual(
      counted({ matched: 7, passed: 5, refusedAgain: { json_invalid: 2 } }),
    );
    expect(await place.store.readQuarantine({ after: null, limit: 10 })).toEqual(before);
    expect(await place.store.counts()).toMatchObject({ journaledEvents: 0, quarantined: 7 });
  });

  it('records that are refused again stay, with the reason of today', async () => {
    const { place, refused } = await placeWith([
      ...movements('b', 2).map((entry) => ({ ...broken(entry), key: null })),
      ...movements('c', 1).map(broken),
      ...movements('a', 1).map(keyless),
    ]);
    await refused(4);
    await create(place.store, 'job', [{ reason: 'key_missing' }]);
    work(place.store);
    expect(await done(place.store, 'job')).toEqual(
      counted({ matched: 3, passed: 1, redriven: 1, refusedAgain: { json_invalid: 2 } }),
    );
    const open = await place.store.readQuarantine({ after: null, limit: 10 });
    expect(open.map(({ reason }) => reason)).toEqual(Array(3).fill('json_invalid'));
  });

  it('a record of which only the first bytes were kept is never redriven', async () => {
    const value = recordOf({ articleId: 'a', isCount: false, quantity: 1, minute: 1 }).value as Buffer;
    const place = await Place.make({ movements: 1, counts: 1 });
    const record = {
      topic: MOVEMENTS,
      partition: 0,
      reason: 'record_too_large',
      detail: 'The record is over 1 bytes.',
      key: Buffer.from('a'),
      value,
      valueLength: value.length,
      valueHash: 'ab'.repeat(32),
      headers: Buffer.from('[]'),
      observedAtMs: 1,
    };
    const quarantined = [
      // The value is whole, but headers may be missing.
      { ...record, offset: 0n },
      { ...record, offset: 1n, reason: 'key_missing', valueLength: value.length + 1 },
    ];
    await place.store.commit({
      moves: [],
      quarantined,
      entityIds: [],
      mode: 'locking',
      plan: async () => [],
    });
    await create(place.store, 'job', [{}]);
    work(place.store);
    expect(await done(place.store, 'job')).toEqual(
      counted({ matched: 2, refusedAgain: { record_too_large: 2 } }),
    );
    expect(await place.store.counts()).toMatchObject({ journaledEvents: 0, quarantined: 2 });
  });

  it('an event that the producer has sent again meanwhile is in the journal once', async () => {
    const entries = movements('a', 4);
    const { place, refused } = await placeWith(entries.map(keyless));
    await refused(4);
    await place.append(entries.slice(0, 3).map((entry) => recordOf(entry)));
    await place.settles(entries.slice(0, 3), 4);
    await create(place.store, 'job', [{}]);
    work(place.store);
    expect(await done(place.store, 'job')).toEqual(
      counted({ matched: 4, passed: 4, redriven: 1, duplicates: 3 }),
    );
    await place.settles(entries);
  });

  it('several records and filters are worked off one after the other', async () => {
    const entries = movements('a', 6);
    const { place, refused } = await placeWith(entries.map(keyless));
    await refused(6);
    const open = await place.store.readQuarantine({ after: null, limit: 10 });
    const one = ({ topic, partition, offset }: (typeof open)[number]) => ({
      topic,
      partition,
      fromOffset: offset,
      beforeOffset: offset + 1n,
    });
    await create(place.store, 'job', open.slice(0, 3).map(one));
    work(place.store);
    expect(await done(place.store, 'job')).toEqual(counted({ matched: 3, passed: 3, redriven: 3 }));
    const left = await place.store.readQuarantine({ after: null, limit: 10 });
    expect(left).toEqual(open.slice(3));
  });

  it('every record is journaled and counted once if the answers of commits are lost', async () => {
    const entries = ['a', 'b', 'c', 'd'].flatMap((id) => movements(id, 300));
    const { place, refused } = await placeWith(entries.map(keyless));
    await refused(entries.length);
    await create(place.store, 'job', [{ reason: 'key_missing' }]);
    let calls = 0;
    const store = wrap(place.store, {
      async commit(batch) {
        const call = ++calls;
        // One of every three commits is not made, and one is made but seems to fail.
        if (call % 3 === 1) throw new TributaryError('store_unreachable', 'The database does not answer.');
        const outcome = await place.store.commit(batch);
        if (call % 3 === 2) throw new TributaryError('store_commit_unknown', 'No answer to COMMIT.');
        return outcome;
      },
    });
    work(store);
    const all = { matched: 1_200, passed: 1_200, redriven: 1_200 };
    expect(await done(place.store, 'job')).toEqual(counted(all));
    await place.settles(entries);
  });

  it('a job whose worker dies after a commit goes on behind it', async () => {
    const entries = ['a', 'b', 'c'].flatMap((id) => movements(id, 300));
    const { place, refused } = await placeWith(entries.map(keyless));
    await refused(entries.length);
    await create(place.store, 'job', [{}]);
    const stuck = Promise.withResolvers<never>();
    let calls = 0;
    const dying = wrap(place.store, {
      renewJob: () => stuck.promise,
      async commit(batch) {
        const outcome = await place.store.commit(batch);
        return ++calls === 1 ? stuck.promise : outcome;
      },
    });
    work(dying);
    await vi.waitFor(() => expect(calls).toBe(1), WAITING);
    const other = await place.anotherStore();
    work(other);
    const database = new DatabaseSync(join(place.folder, 'stock.sqlite'), { timeout: 10_000 });
    database.exec('UPDATE jobs SET leased_until = 0');
    database.close();
    expect(await done(other, 'job')).toEqual(counted({ matched: 900, passed: 900, redriven: 900 }));
    await place.settles(entries);
    stuck.reject(new TributaryError('store_unreachable', 'The process was killed.'));
  });

  it('a record that somebody discards while the job works on it is not journaled', async () => {
    const entries = movements('a', 2);
    const { place, refused } = await placeWith(entries.map(keyless));
    await refused(2);
    const [first] = await place.store.readQuarantine({ after: null, limit: 1 });
    if (first === undefined) throw new Error('There are two.');
    await create(place.store, 'job', [{}]);
    let isFirst = true;
    const { topic, partition, offset: fromOffset } = first;
    const filter = { topic, partition, fromOffset, beforeOffset: fromOffset + 1n };
    const store = wrap(place.store, {
      async commit(batch) {
        const decision = { decidedBy: 'ops', reason: 'a test', decidedAtMs: 1 };
        if (isFirst) await place.store.discardQuarantined({ ...decision, filter, limit: 1 });
        isFirst = false;
        return place.store.commit(batch);
      },
    });
    work(store);
    expect(await done(place.store, 'job')).toEqual(counted({ matched: 1, passed: 1, redriven: 1 }));
    expect(await place.store.counts()).toMatchObject({ journaledEvents: 1, quarantined: 0 });
  });

  it('the events of an entity that cannot be folded are journaled, and it is parked', async () => {
    const throwing = {
      ...stockLedger,
      evolve(state: StockState, event: StockEvent) {
        if (event.body.quantity === 3) throw new RangeError('no such quantity');
        return stockLedger.evolve(state, event);
      },
    };
    const entries = [...movements('bad', 4), ...movements('good', 2)];
    const { place, refused } = await placeWith(entries.map(keyless));
    await refused(6);
    await create(place.store, 'job', [{}]);
    work(place.store, throwing);
    expect(await done(place.store, 'job')).toMatchObject({ redriven: 6 });
    expect(await place.store.listParked({ after: null, limit: 9 })).toMatchObject([{ entityId: 'bad' }]);
    expect((await place.store.readJournals(['bad'])).get('bad')).toHaveLength(4);
    expect((await place.store.readView(['good'])).get('good')).toMatchObject({ version: 2 });
  });

  it('an entity with more events than memory holds gets its redriven events in their place', async () => {
    const entries = movements('long', 1_100);
    const late = entries.filter((_, index) => index % 100 === 7);
    const early = entries.filter((entry) => !late.includes(entry));
    const { place, refused } = await placeWith(late.map(keyless));
    await refused(late.length);
    await place.append(early.map((entry) => recordOf(entry)));
    await place.settles(early, late.length);
    await create(place.store, 'job', [{}]);
    work(place.store);
    expect(await done(place.store, 'job')).toMatchObject({ redriven: late.length });
    await place.settles(entries);
  });

  it('a job whose filters cannot be read works on no record', async () => {
    const { place, refused } = await placeWith(movements('a', 1).map(keyless));
    await refused(1);
    await place.store.createJob({
      jobId: 'job',
      kind: 'quarantine_redrive',
      parameters: { filters: [{ topik: MOVEMENTS }] },
      isDryRun: false,
      requestedBy: 'ops',
      reason: '',
      createdAtMs: 1,
    });
    work(place.store);
    await create(place.store, 'next', [{ topic: COUNTS }]);
    expect(await done(place.store, 'next')).toEqual(counted({}));
    expect(await place.store.readJob('job')).toMatchObject({ state: 'waiting' });
    expect(await place.store.counts()).toMatchObject({ quarantined: 1 });
  });
});
