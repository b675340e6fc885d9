import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import { jobHandlersOf } from '../../../../src/apps/order-sync/job-handlers.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import { JobWorker } from '../../../../src/pipeline/jobs/job-worker.ts';
import type { EventLog } from '../../../../src/ports/event-log.ts';
import { SqliteHarness } from '../../../adapters/sqlite/harness.ts';
import { WAITING } from '../../../pipeline/ingest/harness.ts';
import { FIRST, OrderWorld } from '../../../pipeline/verify/order-world.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { UNUSED_PARTS } from './parts.ts';

const URL = '/api/v1/verifications';

async function server() {
  const harness = new SqliteHarness();
  onTestFinished(() => harness.cleanup());
  const world = await OrderWorld.make(harness);
  await world.happens('due', 'o', 'pa');
  const { store } = world;
  const worker = new JobWorker({ store, clock: systemClock, logger: () => {}, pollMs: 10 });
  onTestFinished(() => worker.stop());
  let jobs = 0;
  const onJob = () => {
    jobs++;
    worker.wake();
  };
  const app = buildServer({ ...UNUSED_PARTS, store, onJob });
  onTestFinished(() => app.close());
  const { values: settings } = loadSettings('order-sync', { env: {} });
  worker.start(
    jobHandlersOf(settings, {
      store,
      log: {} as EventLog,
      clock: systemClock,
      logger: () => {},
      onRedriven: () => {},
    }),
  );
  const inject = heldInject(app);
  return {
    world,
    harness,
    jobs: () => jobs,
    async ask(url: string, payload?: object) {
      const answer = await inject(payload === undefined ? { url } : { url, method: 'POST', payload });
      return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body) };
    },
  };
}

describe('the API of verifications', () => {
  it('tells the worker of every job at once, whether it repairs or not', async () => {
    const { ask, jobs } = await server();
    for (const repair of [false, true]) await ask(URL, { all: true, repair });
    expect(jobs()).toBe(2);
  });

  it('makes a job that finds what differs, repairs it if asked, and is in the audit log', async () => {
    const { ask, harness, world } = await server();
    await harness.rawQuery("UPDATE orders SET payment_status = 'x' WHERE order_id = 'due'");
    await harness.rawQuery(`DELETE FROM deliveries WHERE target = '${FIRST}' AND entity_id = 'due'`);
    const made = await ask(URL, { all: true, rate: 0, repair: true, reason: 'After the incident.' });
    expect(made).toMatchObject({
      status: 202,
      body: {
        kind: 'verify',
        dryRun: false,
        parameters: { sample: null, perSecond: null, repairs: true, target: null },
      },
    });
    const job = await vi.waitFor(async () => {
      const { body } = await ask(String(made.headers.location));
      expect(body.state).toBe('done');
      return body;
    }, WAITING);
    expect(job.progress).toMatchObject({
      read: 4,
      found: { row_altered: 1, ledger_missing: 1 },
      differences: 2,
      repaired: 2,
      target: null,
      shown: [
        { orderId: 'due', kind: 'row_altered', repaired: true },
        { orderId: 'due', kind: 'ledger_missing', target: FIRST, faults: ['missing'] },
      ],
    });
    expect(await world.differences()).toEqual([]);
    const audit = (await ask('/api/v1/audit')).body.data.map(({ action }: { action: string }) => action);
    expect(audit).toEqual(['rows_repaired', 'job_created']);
  });

  it('refuses a verification of everything and of a sample, of neither, and of a target that tells nothing', async () => {
    const { ask } = await server();
    for (const [body, pointer] of [
      [{}, '/sample'],
      [{ all: true, sample: 3 }, '/sample'],
      [{ all: true, target: 'nobody' }, '/target'],
    ] as const)
      expect(await ask(URL, body)).toMatchObject({
        status: 400,
        body: { code: 'verification_invalid', errors: [{ pointer }] },
      });
  });
});
