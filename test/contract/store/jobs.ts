import { describe, expect, it } from 'vitest';
import type { NewAuditEntry } from '../../../src/ports/audit.ts';
import type { Job, JobKind, NewJob } from '../../../src/ports/jobs.ts';
import { LEASE_MS } from './delivery-helpers.ts';
import {
  acquireOne,
  migrateParcels,
  parcelMigration,
  type StoreHarness,
  TARGETS,
  usePlace,
} from './fixtures.ts';
import { asBefore } from './older-schema.ts';

export function describeJobs(harness: StoreHarness): void {
  const place = usePlace(harness);
  const decision = { decidedBy: 'Zoë — 😀', reason: "it's the wrong one", decidedAtMs: 7 };

  describe('a job', () => {
    const create = (jobId: string, facts: Partial<NewJob> = {}) =>
      place.store.createJob({
        jobId,
        kind: 'verify',
        createdAtMs: place.clock.now(),
        parameters: {},
        isDryRun: false,
        requestedBy: 'Zoë — 😀',
        reason: '',
        ...facts,
      });
    const claim = (claimant: string, kind: JobKind = 'verify') =>
      place.store.claimJob({ claimant, leaseMs: LEASE_MS, kind });
    const save = (claimant: string, jobId: string, facts: { state?: 'done'; progress?: object } = {}) =>
      place.store.saveJob({
        claimant,
        leaseMs: LEASE_MS,
        jobId,
        state: facts.state ?? 'running',
        progress: { ...facts.progress },
        place: { after: "it's 😀\u0000" },
      });

    it('jobs are listed page by page, the newest first, with everything that was asked of them', async () => {
      const parameters = { text: "it's \u0000 — 😀 \\", list: [1, null], of: { since: 5 } };
      await create('a', { kind: 'rebuild', parameters, isDryRun: true, reason: "it's a try" });
      await create('b');
      place.clock.nowMs += 1;
      await create('c');
      const ids = async (after: Job | null, limit: number) =>
        (await place.store.listJobs({ after, limit })).map(({ jobId }) => jobId);
      expect(await ids(null, 10)).toEqual(['c', 'b', 'a']);
      expect(await ids(null, 2)).toEqual(['c', 'b']);
      expect(await ids(await place.store.readJob('b'), 2)).toEqual(['a']);
      expect(await place.store.readJob('a')).toEqual({
        jobId: 'a',
        kind: 'rebuild',
        parameters,
        isDryRun: true,
        state: 'waiting',
        progress: {},
        place: null,
        requestedBy: 'Zoë — 😀',
        reason: "it's a try",
        createdAtMs: place.clock.now() - 1,
        updatedAtMs: place.clock.now() - 1,
        finishedAtMs: null,
      });
      expect(await place.store.readJob('d')).toBeNull();
    });

    it('a job goes on from what was saved, by whoever claims it once the lease is over', async () => {
      await create('job');
      expect(await claim('one')).toMatchObject({ jobId: 'job', state: 'running', place: null });
      const saved = await save('one', 'job', { progress: { done: 3 } });
      expect(saved).toMatchObject({ state: 'running', progress: { done: 3 } });
      expect(await place.store.readJob('job')).toEqual(saved);
      expect(await claim('two')).toBeNull();
      expect(await save('two', 'job', { progress: { done: 9 } })).toBeNull();
      // The claimant that has it goes on without waiting for the end of its lease.
      expect(await claim('one')).toMatchObject({ jobId: 'job' });
      place.clock.nowMs += LEASE_MS;
      const other = await place.another();
      expect(await other.claimJob({ claimant: 'two', leaseMs: LEASE_MS, kind: 'verify' })).toMatchObject({
        progress: { done: 3 },
        place: { after: "it's 😀\u0000" },
      });
      expect(await save('one', 'job', { progress: { done: 9 } })).toBeNull();
      const done = await save('two', 'job', { state: 'done', progress: { done: 5 } });
      expect(done).toMatchObject({ state: 'done', finishedAtMs: place.clock.now() });
      expect(await place.store.readJob('job')).toEqual(done);
      expect(await save('two', 'job')).toBeNull();
      expect(await claim('two')).toBeNull();
    });

    it('a claim that is renewed lasts, changes nothing else, and is lost with the job', async () => {
      await create('job');
      await claim('one');
      const saved = await save('one', 'job', { progress: { done: 3 } });
      const renew = (claimant: string, jobId = 'job') =>
        place.store.renewJob({ claimant, leaseMs: LEASE_MS, jobId });
      // The second one finds the lease as it would write it.
      expect([await renew('one'), await renew('one'), await renew('two')]).toEqual([true, true, false]);
      expect(await renew('one', 'none')).toBe(false);
      place.clock.nowMs += LEASE_MS - 1;
      expect(await renew('one')).toBe(true);
      place.clock.nowMs += LEASE_MS - 1;
      expect(await claim('two')).toBeNull();
      expect(await place.store.readJob('job')).toEqual(saved);
      place.clock.nowMs += 1;
      expect(await claim('two')).toMatchObject({ jobId: 'job' });
      expect(await renew('one')).toBe(false);
      await place.store.cancelJob({ jobId: 'job', ...decision });
      expect(await renew('two')).toBe(false);
    });

    it('one job of a kind is worked on at a time, and other kinds side by side with it', async () => {
      await create('older');
      place.clock.nowMs += 1;
      await create('newer');
      await create('other', { kind: 'rebuild' });
      expect(await claim('one')).toMatchObject({ jobId: 'older' });
      expect(await claim('two')).toBeNull();
      expect(await claim('two', 'rebuild')).toMatchObject({ jobId: 'other', kind: 'rebuild' });
      expect(await claim('two', 'redrive')).toBeNull();
      await save('one', 'older', { state: 'done' });
      expect(await claim('two')).toMatchObject({ jobId: 'newer' });
    });

    it('two instances that claim at once never get two jobs of a kind', async () => {
      for (const id of ['a', 'b', 'c']) await create(id);
      const other = await place.another();
      const claims = await Promise.allSettled(
        ['one', 'two', 'three', 'four'].map((claimant, index) =>
          (index % 2 === 0 ? place.store : other).claimJob({ claimant, leaseMs: LEASE_MS, kind: 'verify' }),
        ),
      );
      const got = claims.flatMap((each) => (each.status === 'fulfilled' && each.value !== null ? [1] : []));
      expect(got).toHaveLength(1);
    });

    it('a job that rests is left out for its time, and the jobs behind it go on', async () => {
      await create('older');
      place.clock.nowMs += 1;
      await create('newer');
      const rest = { claimant: 'one', jobId: 'older', restMs: 60_000 };
      await place.store.restJob({ ...rest, claimant: 'nobody' });
      expect(await claim('one')).toMatchObject({ jobId: 'older' });
      await place.store.restJob({ ...rest, claimant: 'another' });
      expect(await claim('two')).toBeNull();
      await place.store.restJob(rest);
      expect(await place.store.readJob('older')).toMatchObject({ state: 'waiting' });
      expect(await save('one', 'older')).toBeNull();
      expect(await claim('two')).toMatchObject({ jobId: 'newer' });
      place.clock.nowMs += 60_000;
      // The lease of this one is over, but it is still the one to continue.
      expect(await claim('two')).toMatchObject({ jobId: 'newer' });
      await save('two', 'newer', { state: 'done' });
      expect(await claim('two')).toMatchObject({ jobId: 'older' });
    });

    it('a claimant passes over the jobs that it names, and finishes one that it has', async () => {
      await create('older');
      place.clock.nowMs += 1;
      await create('newer');
      const pass = (claimant: string, ...passesOver: string[]) =>
        place.store.claimJob({ claimant, leaseMs: LEASE_MS, kind: 'verify', passesOver });
      expect(await pass('one', 'older', 'newer')).toBeNull();
      expect(await pass('one', 'older')).toMatchObject({ jobId: 'newer' });
      expect(await pass('one', 'older', 'newer')).toMatchObject({ jobId: 'newer' });
      await place.store.restJob({ claimant: 'one', jobId: 'newer', restMs: 0 });
      expect(await pass('two', 'newer')).toMatchObject({ jobId: 'older' });
    });

    it('a cancelled job ends wherever it is, keeps its counts, and takes nothing more from its worker', async () => {
      await create('waits');
      await create('runs', { kind: 'rebuild' });
      await claim('one', 'rebuild');
      await save('one', 'runs', { progress: { done: 3 } });
      for (const jobId of ['waits', 'runs']) {
        const cancelled = await place.store.cancelJob({ jobId, ...decision });
        expect(cancelled).toMatchObject({ state: 'cancelled', finishedAtMs: place.clock.now() });
        expect(await place.store.readJob(jobId)).toEqual(cancelled);
      }
      expect(await place.store.readJob('runs')).toMatchObject({ progress: { done: 3 } });
      expect(await save('one', 'runs', { progress: { done: 9 } })).toBeNull();
      expect(await claim('one')).toBeNull();
      expect(await claim('one', 'rebuild')).toBeNull();
      await place.store.restJob({ claimant: 'one', jobId: 'runs', restMs: 1 });
      expect(await place.store.readJob('runs')).toMatchObject({ state: 'cancelled' });
      const before = await place.store.listAudit({ after: null, limit: 10 });
      expect(await place.store.cancelJob({ jobId: 'runs', ...decision })).toMatchObject({
        state: 'cancelled',
      });
      expect(await place.store.listAudit({ after: null, limit: 10 })).toEqual(before);
    });

    it('a job that has ended is not cancelled, and none that nobody made', async () => {
      await create('job');
      await claim('one');
      await save('one', 'job', { state: 'done' });
      const before = await place.store.listAudit({ after: null, limit: 10 });
      expect(await place.store.cancelJob({ jobId: 'job', ...decision })).toMatchObject({ state: 'done' });
      expect(await place.store.cancelJob({ jobId: 'none', ...decision })).toBeNull();
      expect(await place.store.listAudit({ after: null, limit: 10 })).toEqual(before);
    });

    it('a job whose columns somebody has altered is still shown and can be cancelled', async () => {
      await create('job');
      await harness.rawQuery("UPDATE jobs SET parameters = '{', progress = '[]', place = '5'");
      expect(await place.store.readJob('job')).toMatchObject({ parameters: null, progress: {}, place: null });
      expect(await place.store.cancelJob({ jobId: 'job', ...decision })).toMatchObject({
        state: 'cancelled',
      });
    });
  });

  describe('the audit log', () => {
    const list = (after: bigint | null = null, limit = 100) => place.store.listAudit({ after, limit });

    it('decisions are listed page by page, the newest first', async () => {
      const entries = [1, 2, 3].map(
        (number): NewAuditEntry => ({
          ...decision,
          action: 'held',
          subject: `part ${number} — 😀`,
          details: { number, none: null, text: "it's \u0000 \\" },
        }),
      );
      for (const entry of entries) await place.store.addAudit(entry);
      const all = await list();
      expect(all.map(({ auditId: _, ...entry }) => entry)).toEqual([...entries].reverse());
      expect(await list(null, 2)).toEqual(all.slice(0, 2));
      expect(await list(all[1]?.auditId)).toEqual(all.slice(2));
    });

    it('making and cancelling a job, resuming a partition and taking a group are in the audit log', async () => {
      const { store } = place;
      const job = { kind: 'redrive', parameters: { filter: { target: 'a' } }, isDryRun: true } as const;
      const request = { requestedBy: 'ops', reason: 'try', createdAtMs: 5 };
      await store.createJob({ jobId: 'job', ...job, ...request });
      await store.cancelJob({ jobId: 'job', ...decision });
      const { topic, partition } = await acquireOne(store);
      await store.resume({ topic, partition, offset: 2n ** 53n + 1n, topicId: 'x', ...decision });
      const formerStore = '00000000-0000-4000-8000-000000000000';
      await store.noteGroupTaken({ group: 'order-sync', formerStore, ...decision });
      expect((await list()).map(({ auditId: _, ...entry }) => entry)).toEqual([
        { action: 'group_taken', subject: 'order-sync', details: { formerStore }, ...decision },
        {
          action: 'partition_resumed',
          subject: `${topic}/${partition}`,
          details: { fromOffset: '0', toOffset: '9007199254740993', haltReason: null },
          ...decision,
        },
        {
          action: 'job_cancelled',
          subject: 'job',
          details: { kind: 'redrive', progress: {} },
          ...decision,
        },
        {
          action: 'job_created',
          subject: 'job',
          details: job,
          decidedBy: 'ops',
          reason: 'try',
          decidedAtMs: 5,
        },
      ]);
    });
  });

  it.skipIf(harness.isSimulated)(
    'an upgrade keeps the redrive jobs and the decisions of an older version',
    async () => {
      const { store, clock } = place;
      const { topic, partition } = await acquireOne(store);
      await store.resume({ topic, partition, offset: 5n, topicId: 'x', ...decision });
      await store.noteGroupTaken({ group: 'order-sync', formerStore: null, ...decision, decidedAtMs: 3 });
      const before = await store.listAudit({ after: null, limit: 10 });
      const version = await asBefore(harness, 'jobs-and-audit');
      const filter = '{"target":null,"errorPrefix":"it\'\'s"}';
      await harness.rawQuery(
        `INSERT INTO redrive_jobs VALUES ('new', '${filter}', 1, 'waiting', 0, 0, NULL, NULL, 'ops', 2, 2, NULL, NULL, 0), ` +
          `('half', '${filter}', 0, 'running', 3, 2, 'warehouse', 'é "1"', 'ops', 1, 9, NULL, 'one', 12), ` +
          "('odd', '{', 0, 'done', 3, 2, NULL, NULL, 'ops', 0, 9, 9, NULL, 0)",
      );
      const opened = await harness.openAgain({ clock, targets: TARGETS });
      const { report, store: upgraded } = await opened.migrate(parcelMigration(clock));
      expect(report).toMatchObject({ fromVersion: version, viewIsEmpty: false });
      const old = { kind: 'redrive', requestedBy: 'ops', reason: '' };
      const parameters = { filter: { target: null, errorPrefix: "it's" } };
      expect(await upgraded.listJobs({ after: null, limit: 10 })).toMatchObject([
        { ...old, jobId: 'new', state: 'waiting', isDryRun: true, parameters, place: null },
        {
          ...old,
          jobId: 'half',
          state: 'running',
          isDryRun: false,
          parameters,
          progress: { matched: 3, redriven: 2 },
          place: { target: 'warehouse', entityId: 'é "1"' },
          createdAtMs: 1,
          updatedAtMs: 9,
        },
        { ...old, jobId: 'odd', state: 'done', parameters: null, finishedAtMs: 9 },
      ]);
      const copied = await upgraded.listAudit({ after: null, limit: 10 });
      const plain = (entries: typeof before) =>
        entries.map(({ auditId: _, ...entry }) => entry).sort((a, b) => a.decidedAtMs - b.decidedAtMs);
      expect(plain(copied)).toEqual(plain(before));
      expect(copied.map(({ decidedAtMs }) => decidedAtMs)).toEqual([7, 3]);
      await expect(harness.rawQuery('SELECT * FROM redrive_jobs')).rejects.toThrow();
      await migrateParcels(await harness.openAgain({ clock, targets: TARGETS }), clock);
    },
  );
}
