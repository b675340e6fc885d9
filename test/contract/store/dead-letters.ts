import { describe, expect, it } from 'vitest';
import type { Job } from '../../../src/ports/jobs.ts';
import type { DeliveryFilter } from '../../../src/ports/ledger.ts';
import { claimDue, LEASE_MS, settlement } from './delivery-helpers.ts';
import { change, commitChanges, DUE, type StoreHarness, TARGET, TARGETS, usePlace } from './fixtures.ts';

const EVERYTHING: DeliveryFilter = {
  target: null,
  entityId: null,
  status: null,
  lastStatus: null,
  errorPrefix: null,
  dueSinceFromMs: null,
  dueSinceBeforeMs: null,
};

/** An id that sorts by its number, with a character that a text collation would treat differently. */
const idOf = (number: number) => `é ${String(number).padStart(4, '0')} `;

export function describeDeadLetters(harness: StoreHarness): void {
  describe('the ledger', () => {
    const place = usePlace(harness);

    /** Makes `count` deliveries due to both targets, and ends those of the first target as `endOf` says. */
    async function fill(count: number, endOf: (number: number) => 'dead' | 'delivered' | null) {
      const { store } = place;
      const ids = Array.from({ length: count }, (_, number) => idOf(number));
      await commitChanges(store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const claimed = await claimDue(store, {
        target: TARGET,
        claimant: 'one',
        limit: count,
        leaseMs: LEASE_MS,
      });
      await store.settleDeliveries(
        claimed.flatMap((delivery) => {
          const end = endOf(ids.indexOf(delivery.entityId));
          if (end === null) return [];
          const status = delivery.entityId === idOf(0) ? 422 : 400;
          const facts = { status, error: `It answered ${status}: ${delivery.entityId}` };
          return [settlement(delivery, end, end === 'dead' ? facts : {})];
        }),
      );
    }

    const list = async (filter: Partial<DeliveryFilter>) => {
      const page = { filter: { ...EVERYTHING, ...filter }, after: null, limit: 1_000 };
      return (await place.store.listDeliveries(page)).map(({ target, entityId }) => [target, entityId]);
    };

    it('the ledger is read page by page, by target and by the bytes of the id', async () => {
      await fill(5, (number) => (number === 1 ? null : number === 2 ? 'delivered' : 'dead'));
      const expected = [...TARGETS]
        .sort()
        .flatMap((target) => [0, 1, 2, 3, 4].map((number) => [target, idOf(number)]));
      for (const limit of [1, 3, 5, 100]) {
        const seen: string[][] = [];
        let after = null;
        for (;;) {
          const page = await place.store.listDeliveries({ filter: EVERYTHING, after, limit });
          seen.push(...page.map(({ target, entityId }) => [target, entityId]));
          after = page.at(-1) ?? null;
          if (page.length < limit || after === null) break;
        }
        expect(seen, `pages of ${limit}`).toEqual(expected);
      }
    });

    it.skipIf(harness.isDistributed)(
      'a dead delivery has the answer of its last attempt, also after a redrive, and no other delivery has one',
      async () => {
        const { store, clock } = place;
        const say = async (end: 'dead' | 'delivered' | number, ...answers: string[]) => {
          const claim = { target: TARGET, claimant: answers.join(), limit: 10, leaseMs: LEASE_MS };
          const next = typeof end === 'number' ? { retryAtMs: clock.now() } : end;
          clock.nowMs += 1_000;
          await store.settleDeliveries(
            (await claimDue(store, claim)).map((delivery, index) =>
              settlement(delivery, next, { answer: answers[index] ?? '', attemptedAtMs: clock.now() }),
            ),
          );
        };
        const answers = async () => {
          const listed = await store.listDeliveries({
            filter: { ...EVERYTHING, target: TARGET },
            after: null,
            limit: 10,
          });
          const page = await store.pageDeliveries({
            filter: { ...EVERYTHING, target: TARGET },
            after: null,
            limit: 10,
            lookMax: 10,
          });
          expect(page.deliveries).toEqual(listed);
          expect(await store.readDelivery(TARGET, idOf(0))).toEqual(listed[0]);
          return listed.map(({ lastAnswer }) => lastAnswer);
        };
        await commitChanges(
          store,
          change(idOf(0), 0, { delivery: DUE }),
          change(idOf(1), 0, { delivery: DUE }),
        );
        await say(1, 'busy', 'busy');
        expect(await answers()).toEqual([null, null]);
        await say('dead', 'who?', '');
        expect(await answers()).toEqual(['who?', null]);
        const job = {
          jobId: 'job',
          kind: 'redrive',
          isDryRun: false,
          requestedBy: 'ana',
          reason: '',
        } as const;
        await store.createJob({ ...job, parameters: { filter: EVERYTHING }, createdAtMs: clock.now() });
        await store.claimJob({ kind: 'redrive', claimant: 'worker', leaseMs: LEASE_MS });
        await store.stepRedrive({ jobId: 'job', claimant: 'worker', leaseMs: LEASE_MS, limit: 10 });
        expect(await answers()).toEqual([null, null]);
        await say(1, 'still busy', 'still busy');
        await say('dead', 'who are you?', 'go away');
        expect(await answers()).toEqual(['who are you?', 'go away']);
      },
    );

    it('the ledger is filtered by each of its columns, and by several at once', async () => {
      await fill(4, (number) => (number === 3 ? 'delivered' : number === 2 ? null : 'dead'));
      const due = place.clock.now();
      const first = (...numbers: number[]) => numbers.map((number) => [TARGET, idOf(number)]);
      expect(await list({ target: TARGET })).toEqual(first(0, 1, 2, 3));
      expect(await list({ target: 'nobody' })).toEqual([]);
      expect(await list({ status: 'dead' })).toEqual(first(0, 1));
      expect(await list({ status: 'delivered' })).toEqual(first(3));
      expect(await list({ target: TARGET, status: 'pending' })).toEqual(first(2));
      expect(await list({ lastStatus: 422 })).toEqual(first(0));
      expect(await list({ status: 'dead', lastStatus: 400 })).toEqual(first(1));
      expect(await list({ errorPrefix: 'It answered 4' })).toEqual(first(0, 1));
      expect(await list({ errorPrefix: `It answered 422: ${idOf(0)}` })).toEqual(first(0));
      for (const none of [
        'it answered',
        'answered',
        `It answered 422: ${idOf(0)} `,
        '%',
        'It answered 4_2',
      ]) {
        expect(await list({ errorPrefix: none }), none).toEqual([]);
      }
      expect(await list({ target: TARGET, entityId: idOf(1) })).toEqual(first(1));
      expect(await list({ entityId: idOf(1).trim() })).toEqual([]);
      expect(await list({ target: TARGET, dueSinceFromMs: due })).toHaveLength(4);
      expect(await list({ dueSinceFromMs: due + 1 })).toEqual([]);
      expect(await list({ dueSinceBeforeMs: due })).toEqual([]);
      expect(await list({ target: TARGET, dueSinceBeforeMs: due + 1 })).toHaveLength(4);
    });

    it('the latest attempts of a delivery are read, the last one first', async () => {
      const { store, clock } = place;
      await commitChanges(store, change('parcel', 0, { delivery: DUE }));
      for (const attemptedAtMs of [1_000, 2_000, 3_000]) {
        const [delivery] = await claimDue(store, {
          target: TARGET,
          claimant: `claim ${attemptedAtMs}`,
          limit: 1,
          leaseMs: LEASE_MS,
        });
        if (delivery === undefined) throw new Error('Nothing is due.');
        await store.settleDeliveries([
          settlement(delivery, { retryAtMs: clock.now() }, { attemptedAtMs, status: null }),
        ]);
      }
      const attempts = await store.readAttempts({ target: TARGET, entityId: 'parcel' }, 2);
      expect(attempts).toEqual([
        {
          version: 1,
          attempt: 3,
          attemptedAtMs: 3_000,
          deliveryId: 'delivery of 1',
          verdict: 'retry',
          status: null,
          latencyMs: 12.5,
          answer: '{"ok":1}',
          error: 'It answered 503.',
        },
        expect.objectContaining({ attempt: 2 }),
      ]);
      expect(await store.readAttempts({ target: TARGET, entityId: 'parcel ' }, 2)).toEqual([]);
    });

    it('an opened store reads the ledger without migrate', async () => {
      await fill(1, () => 'dead');
      const operator = await harness.openAgain({ clock: place.clock, targets: TARGETS });
      expect(await operator.readDelivery(TARGET, idOf(0))).toMatchObject({ status: 'dead', lastStatus: 422 });
      const page = { filter: { ...EVERYTHING, status: 'dead' as const }, after: null, limit: 10 };
      expect(await operator.listDeliveries(page)).toHaveLength(1);
      expect(await operator.listJobs({ after: null, limit: 10 })).toEqual([]);
    });

    describe('a redrive job', () => {
      const claimOf = (claimant: string) => ({ claimant, leaseMs: LEASE_MS });
      const claimJob = (claimant: string, store = place.store) =>
        store.claimJob({ ...claimOf(claimant), kind: 'redrive' });
      const counted = (matched: number, redriven = matched) => ({ progress: { matched, redriven } });
      const create = (jobId: string, facts: { isDryRun?: boolean; filter?: Partial<DeliveryFilter> } = {}) =>
        place.store.createJob({
          jobId,
          kind: 'redrive',
          createdAtMs: place.clock.now(),
          parameters: { filter: { ...EVERYTHING, ...facts.filter } },
          isDryRun: facts.isDryRun ?? false,
          requestedBy: 'Zoë — 😀',
          reason: '',
        });
      const step = (claimant: string, jobId: string, limit: number) =>
        place.store.stepRedrive({ ...claimOf(claimant), jobId, limit });

      async function finish(jobId: string): Promise<Job | null> {
        await claimJob('worker');
        for (;;) {
          const job = await step('worker', jobId, 3);
          if (job === null || job.state === 'done') return job;
        }
      }

      it('a redrive makes the matching dead deliveries due again as new ones, once, and nothing else', async () => {
        await fill(10, (number) => (number === 8 ? 'delivered' : number === 9 ? null : 'dead'));
        place.clock.nowMs += LEASE_MS * 2;
        const others = async () => [
          await place.store.readDelivery(TARGET, idOf(0)),
          await place.store.readDelivery(TARGET, idOf(8)),
          await place.store.readDelivery(TARGET, idOf(9)),
          await place.store.readDelivery(TARGETS[1], idOf(1)),
        ];
        const before = await others();
        await create('job', { filter: { lastStatus: 400 } });
        const done = await finish('job');
        expect(done).toMatchObject({
          state: 'done',
          ...counted(7),
          finishedAtMs: place.clock.now(),
        });
        expect(await others()).toEqual(before);
        for (const number of [1, 7]) {
          expect(await place.store.readDelivery(TARGET, idOf(number))).toMatchObject({
            status: 'pending',
            attempts: 0,
            dueVersion: 1,
            nextAttemptAtMs: place.clock.now(),
          });
        }
        const claimed = await claimDue(place.store, {
          target: TARGET,
          limit: 100,
          ...claimOf('after'),
        });
        expect(claimed.map(({ entityId, attempt }) => [entityId, attempt])).toContainEqual([idOf(7), 1]);
        expect(await place.store.readJob('job')).toEqual(done);
      });

      it('a dry run counts the same and changes nothing', async () => {
        await fill(7, () => 'dead');
        const table = () => harness.rawQuery('SELECT * FROM deliveries ORDER BY target, entity_id');
        const before = await table();
        await create('dry', { isDryRun: true });
        expect(await finish('dry')).toMatchObject({ isDryRun: true, ...counted(7, 0) });
        expect(await table()).toEqual(before);
      });

      it('a redrive continues behind its last delivery, by whoever claims it once the lease is over', async () => {
        await fill(7, () => 'dead');
        await create('job');
        expect(await place.store.readJob('job')).toMatchObject({ state: 'waiting', progress: {} });
        expect(await claimJob('one')).toMatchObject({
          jobId: 'job',
          state: 'running',
        });
        expect(await step('one', 'job', 3)).toMatchObject({ state: 'running', ...counted(3) });

        const again = await claimDue(place.store, { target: TARGET, limit: 3, ...claimOf('deliver') });
        await place.store.settleDeliveries(again.map((delivery) => settlement(delivery, 'dead')));
        expect(await claimJob('two')).toBeNull();
        expect(await step('two', 'job', 3)).toBeNull();
        place.clock.nowMs += LEASE_MS;
        const other = await place.another();
        expect(await claimJob('two', other)).toMatchObject({ jobId: 'job', ...counted(3) });
        expect(await step('one', 'job', 3)).toBeNull();
        const next = { ...claimOf('two'), jobId: 'job', limit: 3 };
        expect(await other.stepRedrive(next)).toMatchObject(counted(6));
        // The three that died again meanwhile are before the job's cursor.
        expect(await other.stepRedrive(next)).toMatchObject({ state: 'done', ...counted(7) });
        expect(await other.stepRedrive(next)).toBeNull();
        expect(await list({ status: 'dead' })).toHaveLength(3);
      });

      it('a redrive whose filter cannot be read any more is shown, and redrives nothing', async () => {
        await fill(2, () => 'dead');
        await create('job');
        await harness.rawQuery("UPDATE jobs SET parameters = '{' WHERE job_id = 'job'");
        expect(await claimJob('one')).toMatchObject({ jobId: 'job', parameters: null });
        await expect(step('one', 'job', 100)).rejects.toMatchObject({ code: 'store_refused' });
        expect(await list({ status: 'dead' })).toHaveLength(2);
      });
    });
  });
}
