import { describe, expect, it } from 'vitest';
import { OPEN_COUNTS as MYSQL_OPEN_COUNTS } from '../../../src/adapters/mysql/quarantine.ts';
import { OPEN_COUNTS as SQLITE_OPEN_COUNTS } from '../../../src/adapters/sqlite/quarantine.ts';
import type { EntityChange, IngestBatch } from '../../../src/ports/commit.ts';
import type {
  QuarantinedRecord,
  QuarantineFilter,
  QuarantineRefusal,
  StoredQuarantine,
} from '../../../src/ports/quarantine.ts';
import { LEASE_MS } from './delivery-helpers.ts';
import {
  acquireOne,
  batchOf,
  bytes,
  change,
  DUE,
  move,
  parcelMigration,
  quarantined,
  type StoreHarness,
  TARGETS,
  usePlace,
} from './fixtures.ts';
import { asBefore } from './older-schema.ts';

export function describeQuarantine(harness: StoreHarness): void {
  describe('the quarantine', () => {
    const place = usePlace(harness);

    const keep = (...records: QuarantinedRecord[]) =>
      place.store.commit(batchOf([], [], { quarantined: records }));
    const comparable = ({ settlement: _, ...record }: QuarantinedRecord & { settlement?: unknown }) => ({
      ...record,
      key: bytes(record.key),
      value: bytes(record.value),
      headers: bytes(record.headers),
    });

    it('records are read back byte for byte, absent and empty values told apart', async () => {
      const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const records = [
        quarantined(1n, { key: every, value: every, headers: every }),
        quarantined(2n, { key: null, value: null, headers: new Uint8Array() }),
        quarantined(3n, { key: new Uint8Array(), value: new Uint8Array() }),
        quarantined(2n ** 53n + 1n, { value: every, valueLength: 5_000_000_000 }),
      ];
      await keep(...records);

      const kept = await place.store.readQuarantine({ after: null, limit: 10 });

      expect(kept.map(comparable)).toEqual(records.map(comparable));
      expect(await place.store.counts()).toMatchObject({ quarantined: 4 });
    });

    it('the quarantine is read in pages, by topic, partition and offset', async () => {
      const records = [
        quarantined(9n, { topic: 'a', partition: 2 }),
        quarantined(10n, { topic: 'a', partition: 2 }),
        quarantined(1n, { topic: 'a', partition: 10 }),
        quarantined(0n, { topic: 'b', partition: 0 }),
      ];
      await keep(...[...records].reverse());

      const seen: StoredQuarantine[] = [];
      for (;;) {
        const page = await place.store.readQuarantine({ after: seen.at(-1) ?? null, limit: 3 });
        expect(page.length).toBeLessThanOrEqual(3);
        if (page.length === 0) break;
        seen.push(...page);
      }
      expect(seen.map(comparable)).toEqual(records.map(comparable));
    });

    it('open records are found by their key, byte for byte, among the first ones of their topic', async () => {
      const of = (key: string) => ({ topic: 'a', key: Buffer.from(key) });
      await keep(
        quarantined(1n, { ...of('é'), partition: 2 }),
        quarantined(2n ** 53n + 1n, { ...of('é'), partition: 2, reason: 'key_missing' }),
        quarantined(1n, { ...of('é'), partition: 10 }),
        quarantined(4n, { ...of('é '), partition: 2 }),
        quarantined(5n, { ...of('É'), partition: 2 }),
        quarantined(6n, { topic: 'a', key: null }),
        quarantined(7n, { ...of('é'), topic: 'b' }),
      );
      const find = async (lookMax: number, limit = 9) => {
        const { records, isMore } = await place.store.findOpenByKey({ ...of('é'), lookMax, limit });
        return [
          records.map(({ topic, partition, offset, reason }) => `${topic}/${partition}/${offset} ${reason}`),
          isMore,
        ];
      };
      const all = ['a/2/1', `a/2/${2n ** 53n + 1n}`, 'a/10/1'];
      const [first, second, third] = all;
      const found = [`${first} json_invalid`, `${second} key_missing`, `${third} json_invalid`];
      expect(await find(6)).toEqual([found, false]);
      expect(await find(5)).toEqual([found.slice(0, 2), true]);
      expect(await find(6, 1)).toEqual([found.slice(0, 1), false]);
      await place.store.discardQuarantined({
        filter: { topic: 'a', partition: 10 },
        limit: 9,
        decidedBy: 'ana',
        reason: 'a test',
        decidedAtMs: 1,
      });
      expect(await find(6)).toEqual([found.slice(0, 2), false]);
    });

    it('the quarantine is read by topic and by reason', async () => {
      await keep(
        quarantined(1n, { topic: 'a', reason: 'json_invalid' }),
        quarantined(2n, { topic: 'a', reason: 'key_missing' }),
        quarantined(3n, { topic: 'b', reason: 'key_missing' }),
      );
      const offsets = async (only: { topic?: string; reason?: string }) => {
        const page = await place.store.readQuarantine({ after: null, limit: 10, ...only });
        return page.map(({ offset }) => offset);
      };
      expect(await offsets({ topic: 'a' })).toEqual([1n, 2n]);
      expect(await offsets({ reason: 'key_missing' })).toEqual([2n, 3n]);
      expect(await offsets({ topic: 'a', reason: 'key_missing' })).toEqual([2n]);
      expect(await offsets({ topic: 'c' })).toEqual([]);
    });

    it('records are counted by topic and reason, once if they are read again, and after a restart too', async () => {
      expect((await place.store.refusedCounts()).quarantined).toEqual([]);
      await keep(
        quarantined(1n, { topic: 'b', reason: 'key_missing' }),
        quarantined(2n, { topic: 'b', reason: 'key_missing' }),
        quarantined(3n, { topic: 'b', reason: 'json_invalid' }),
        quarantined(1n, { topic: 'a', reason: 'key_missing' }),
      );
      await keep(quarantined(2n, { topic: 'b', reason: 'key_missing' }));
      const expected = [
        { topic: 'b', reason: 'key_missing', records: 2 },
        { topic: 'a', reason: 'key_missing', records: 1 },
        { topic: 'b', reason: 'json_invalid', records: 1 },
      ];
      expect((await place.store.refusedCounts()).quarantined).toEqual(expected);
      expect((await (await place.another()).refusedCounts()).quarantined).toEqual(expected);
    });

    it('a fenced batch puts nothing into quarantine', async () => {
      const stale = await acquireOne(place.store);
      await acquireOne(place.store);
      const batch = batchOf([move(stale)], [], { quarantined: [quarantined(0n)] });
      expect(await place.store.commit(batch)).toEqual({ kind: 'fenced' });
      expect(await place.store.readQuarantine({ after: null, limit: 10 })).toEqual([]);
    });

    it('a record is kept once, as it was first seen, when its partition is read again', async () => {
      await keep(quarantined(4n, { observedAtMs: 1_000 }));
      expect(await keep(quarantined(4n, { observedAtMs: 2_000 }))).toMatchObject({ kind: 'committed' });
      const kept = await place.store.readQuarantine({ after: null, limit: 10 });
      expect(kept.map(({ offset, observedAtMs }) => [offset, observedAtMs])).toEqual([[4n, 1_000]]);
    });

    it('both records are kept if a topic that was created again has another one at the same offset', async () => {
      const values = [Uint8Array.of(1), Uint8Array.of(2)];
      for (const value of values) await keep(quarantined(4n, { value }));
      const first = await place.store.readQuarantine({ after: null, limit: 1 });
      const second = await place.store.readQuarantine({ after: first[0] ?? null, limit: 10 });
      expect([...first, ...second].map(({ value }) => value?.[0]).sort()).toEqual([1, 2]);
    });

    it('a value of a megabyte is kept', async () => {
      const value = new Uint8Array(1_048_576).fill(0xfe);
      await keep(quarantined(1n, { value }));
      const [kept] = await place.store.readQuarantine({ after: null, limit: 1 });
      expect(Buffer.compare(kept?.value ?? new Uint8Array(), value)).toBe(0);
    });

    describe('a settled record', () => {
      const settlement = {
        settledAs: 'redriven',
        decidedBy: 'Zoë — 😀',
        reason: "it's corrected",
        decidedAtMs: 7,
      } as const;
      const list = async (filter: QuarantineFilter & { state?: 'open' | 'settled' | 'all' } = {}) => {
        const page = await place.store.readQuarantine({ after: null, limit: 100, ...filter });
        return page.map(({ offset }) => Number(offset));
      };
      const open = async () => ({
        listed: await list(),
        counted: (await place.store.refusedCounts()).quarantined.map(({ records }) => records),
        inAll: (await place.store.counts()).quarantined,
      });

      /** A job that this claimant works on. */
      async function claimedJob(jobId = 'job') {
        await place.store.createJob({
          jobId,
          kind: 'quarantine_redrive',
          parameters: {},
          isDryRun: false,
          requestedBy: 'ops',
          reason: '',
          createdAtMs: 1,
        });
        const claim = { claimant: 'one', leaseMs: LEASE_MS };
        await place.store.claimJob({ ...claim, kind: 'quarantine_redrive' });
        return claim;
      }

      const redrive = (
        passed: readonly QuarantinedRecord[],
        changes: readonly EntityChange[],
        facts: { claimant?: string; refused?: readonly QuarantineRefusal[]; mode?: IngestBatch['mode'] } = {},
      ) =>
        place.store.commit(
          batchOf([], changes, {
            mode: facts.mode ?? 'locking',
            redrive: () => ({
              passed,
              settlement,
              refused: facts.refused ?? [],
              job: {
                claimant: facts.claimant ?? 'one',
                leaseMs: LEASE_MS,
                jobId: 'job',
                state: 'running',
                progress: { redriven: passed.length },
                place: { after: 'x' },
              },
            }),
          }),
        );

      it('a redriven record is settled with its event and its job, and leaves lists and counts', async () => {
        const records = [1n, 2n, 3n].map((offset) => quarantined(offset));
        await keep(...records);
        await claimedJob();
        const outcome = await redrive(records.slice(0, 2), [change('parcel', 0, { delivery: DUE })]);
        expect(outcome).toEqual({ kind: 'committed', deliveriesDue: 2 });
        expect((await place.store.readJournals(['parcel'])).get('parcel')).toHaveLength(1);
        expect(await open()).toEqual({ listed: [3], counted: [1], inAll: 1 });
        expect(await list({ state: 'settled' })).toEqual([1, 2]);
        expect(await list({ state: 'all' })).toEqual([1, 2, 3]);
        const [first] = await place.store.readQuarantine({ after: null, limit: 1, state: 'settled' });
        expect(first?.settlement).toEqual(settlement);
        expect(await place.store.readJob('job')).toMatchObject({
          progress: { redriven: 2 },
          place: { after: 'x' },
        });
      });

      it('a record that is settled already makes nothing twice: the whole batch is rolled back', async () => {
        const records = [1n, 2n].map((offset) => quarantined(offset));
        await keep(...records);
        await claimedJob();
        await redrive(records.slice(1), [change('parcel', 0)]);
        const before = await place.store.readJob('job');
        for (const mode of ['locking', 'optimistic'] as const)
          expect(await redrive(records, [change('other', 0)], { mode })).toEqual({ kind: 'stale' });
        expect(await place.store.readJournals(['other'])).toEqual(new Map());
        expect(await place.store.readView(['other'])).toEqual(new Map());
        expect(await list()).toEqual([1]);
        expect(await place.store.readJob('job')).toEqual(before);
      });

      it('a claimant that lost its job settles and journals nothing', async () => {
        await keep(quarantined(1n));
        await claimedJob();
        const late = await redrive([quarantined(1n)], [change('parcel', 0)], { claimant: 'another' });
        expect(late).toEqual({ kind: 'fenced' });
        await place.store.cancelJob({ jobId: 'job', decidedBy: 'ops', reason: 'no', decidedAtMs: 1 });
        expect(await redrive([quarantined(1n)], [change('parcel', 0)])).toEqual({ kind: 'fenced' });
        expect(await place.store.readJournals(['parcel'])).toEqual(new Map());
        expect(await list()).toEqual([1]);
      });

      it('a record that is refused again stays open and gets the reason of today', async () => {
        await keep(quarantined(1n), quarantined(2n));
        await claimedJob();
        const today = { reason: 'time_invalid', detail: "It's no time — 😀." };
        await redrive([], [], { refused: [{ ...quarantined(1n), ...today }] });
        const [first, second] = await place.store.readQuarantine({ after: null, limit: 2 });
        expect(first).toMatchObject({ ...today, settlement: null });
        expect(bytes(first?.value ?? null)).toEqual(bytes(quarantined(1n).value));
        expect(second).toMatchObject({ reason: 'json_invalid' });
      });

      it('a record that was discarded meanwhile keeps its reason when it is refused again', async () => {
        await keep(quarantined(1n));
        await claimedJob();
        const filter = { topic: quarantined(1n).topic };
        const discard = { filter, limit: 10, decidedBy: 'ops', reason: 'a test', decidedAtMs: 7 };
        expect(await place.store.discardQuarantined(discard)).toBe(1);
        const page = { after: null, limit: 2, state: 'all' } as const;
        const before = await place.store.readQuarantine(page);
        const today = { reason: 'time_invalid', detail: 'It is no time.' };
        await redrive([], [], { refused: [{ ...quarantined(1n), ...today }] });
        expect(await place.store.readQuarantine(page)).toEqual(before);
      });

      it('records are discarded by a filter, some at a time, each once, and that is in the audit log', async () => {
        const filter = { topic: 'a', reason: 'key_missing' };
        await keep(
          ...[1n, 2n, 3n].map((offset) => quarantined(offset, filter)),
          quarantined(4n, { ...filter, reason: 'json_invalid' }),
          quarantined(1n, { ...filter, topic: 'b' }),
        );
        const decision = { decidedBy: 'Zoë — 😀', reason: "it's a test", decidedAtMs: 9 };
        const discard = (limit: number) =>
          place.store.discardQuarantined({ filter: { ...filter, fromOffset: 1n }, limit, ...decision });
        expect([await discard(2), await discard(2), await discard(2)]).toEqual([2, 1, 0]);
        expect(await list()).toEqual([4, 1]);
        const settled = await place.store.readQuarantine({ after: null, limit: 9, state: 'settled' });
        expect(settled.map((record) => record.settlement)).toEqual(
          Array(3).fill({ settledAs: 'discarded', ...decision }),
        );
        const audit = await place.store.listAudit({ after: null, limit: 9 });
        expect(audit.map(({ action, details }) => [action, details])).toEqual([
          ['quarantine_discarded', { records: 1, ...filter, fromOffset: '1' }],
          ['quarantine_discarded', { records: 2, ...filter, fromOffset: '1' }],
        ]);
        expect(audit[0]).toMatchObject(decision);
        await claimedJob();
        expect(await redrive([quarantined(1n, filter)], [change('parcel', 0)])).toEqual({ kind: 'stale' });
      });

      it('the quarantine is filtered by partition, offsets and time', async () => {
        await keep(
          quarantined(1n, { partition: 0, observedAtMs: 10 }),
          quarantined(2n, { partition: 0, observedAtMs: 20 }),
          quarantined(3n, { partition: 1, observedAtMs: 30 }),
        );
        expect(await list({ partition: 0 })).toEqual([1, 2]);
        expect(await list({ fromOffset: 2n })).toEqual([2, 3]);
        expect(await list({ beforeOffset: 2n })).toEqual([1]);
        expect(await list({ sinceMs: 20, beforeMs: 30 })).toEqual([2]);
        expect(await list({ partition: 0, fromOffset: 2n, state: 'all' })).toEqual([2]);
      });

      it('a settled record stays settled when its partition is read again', async () => {
        await keep(quarantined(1n));
        await place.store.discardQuarantined({ filter: {}, limit: 9, ...settlement });
        await keep(quarantined(1n));
        expect(await open()).toEqual({ listed: [], counted: [], inAll: 0 });
      });

      it.skipIf(harness.isSimulated || harness.isDistributed)(
        'open records are counted along an index, without their bytes and without settled records',
        async () => {
          await keep(...[1n, 2n, 3n].map((offset) => quarantined(offset)));
          await place.store.discardQuarantined({ filter: {}, limit: 1, ...settlement });
          const isSqlite = await harness.rawQuery('SELECT sqlite_version()').then(
            () => true,
            () => false,
          );
          const plan = await harness.rawQuery(
            isSqlite ? `EXPLAIN QUERY PLAN ${SQLITE_OPEN_COUNTS}` : `EXPLAIN ${MYSQL_OPEN_COUNTS}`,
          );
          const text = JSON.stringify(plan);
          if (isSqlite) expect(text).toMatch(/USING COVERING INDEX \w*quarantine_open/);
          else {
            expect(plan[0]).toMatchObject({ key: 'quarantine_open' });
            expect(plan[0]?.type).toMatch(/^(ref|range)$/);
            expect(String(plan[0]?.Extra)).toContain('Using index');
          }
        },
      );
    });

    // A user without the right to create tables makes no upgrade: the command "migrate" does.
    it.skipIf(harness.canMakeTables === false || harness.isSimulated || harness.isDistributed)(
      'an upgrade keeps the records of an older version open',
      async () => {
        await keep(quarantined(1n), quarantined(2n, { reason: 'key_missing' }));
        const version = await asBefore(harness, 'quarantine-settled');
        const opened = await harness.openAgain({ clock: place.clock, targets: TARGETS });
        const { report, store } = await opened.migrate(parcelMigration(place.clock));
        expect(report).toMatchObject({ fromVersion: version });
        const found = await store.readQuarantine({ after: null, limit: 9 });
        expect(found.map(({ offset, settlement }) => [offset, settlement])).toEqual([
          [1n, null],
          [2n, null],
        ]);
      },
    );
  });
}
