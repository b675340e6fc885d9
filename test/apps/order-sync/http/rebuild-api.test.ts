import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import { TributaryError } from '../../../../src/core/errors.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { buggyOrders, type Program, World } from '../../../pipeline/rebuild/world.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { UNUSED_PARTS } from './parts.ts';

function serverOn(store: Store, migrated: () => Store | null = () => store) {
  const app = buildServer({ ...UNUSED_PARTS, store, migrated, clock: systemClock });
  onTestFinished(() => app.close());
  const inject = heldInject(app);
  return async (url: string, payload?: object) => {
    const answer = await inject({
      url: `/api/v1/rebuilds${url}`,
      ...(payload === undefined ? {} : { method: 'POST' as const, payload }),
    });
    return { status: answer.statusCode, body: JSON.parse(answer.body) };
  };
}

async function programWithOrder(): Promise<Program> {
  const world = await World.make();
  onTestFinished(() => world.close());
  const program = await world.program(buggyOrders);
  await program.journal([{ orderId: 'a', status: null, minute: 0 }]);
  return program;
}

const WHY = { reason: 'a corrected fold' };

it('a rebuild is asked for, shown with its report, switched to, and recorded with its reason', async () => {
  const program = await programWithOrder();
  const ask = serverOn(program.store);
  expect(await ask('')).toMatchObject({
    status: 200,
    body: { phase: 'steady', foldVersion: 1, rebuild: null },
  });
  expect(await ask(':switch', WHY)).toMatchObject({ status: 409, body: { code: 'rebuild_refused' } });
  expect(await ask(':discard', WHY)).toMatchObject({ status: 409, body: { code: 'rebuild_refused' } });
  expect((await ask('', {})).status).toBe(400);

  const { status, body } = await ask('', WHY);
  expect([status, body]).toEqual([
    202,
    expect.objectContaining({ kind: 'rebuild', state: 'waiting', ...WHY }),
  ]);
  await program.work('build', body.id);
  expect((await ask('', WHY)).status).toBe(409);
  const report = { rows: { compared: 1, equal: 1 } };
  expect((await ask('')).body).toMatchObject({ rebuild: { id: body.id, foldVersion: 1, report } });

  const switching = await ask(':switch', { ...WHY, keepOld: true });
  expect(switching).toMatchObject({
    status: 202,
    body: { parameters: { task: 'switch', keepsFormer: true } },
  });
  const audit = await program.store.listAudit({ after: null, limit: 2 });
  expect(audit.map(({ action, subject }) => [action, subject])).toEqual([
    ['job_created', switching.body.id],
    ['rebuild_switched', body.id],
  ]);
});

it('a rebuild is discarded, and the audit log has it', async () => {
  const program = await programWithOrder();
  const ask = serverOn(program.store);
  await program.work('build', 'rebuild-1');
  expect(await ask(':discard', WHY)).toMatchObject({ status: 200, body: { rebuild: null } });
  const [latest] = await program.store.listAudit({ after: null, limit: 1 });
  expect(latest).toMatchObject({ action: 'rebuild_discarded', subject: 'rebuild-1', ...WHY });
});

it('a switch is refused if the rebuild has another fold than the program, and the answer names it', async () => {
  const program = await programWithOrder();
  const { columns } = buggyOrders.view;
  await program.store.beginRebuild({ rebuildId: 'newer', foldVersion: 2, columns });
  await program.store.noteBuilt('newer', { rows: 1 });
  const { status, body } = await serverOn(program.store)(':switch', WHY);
  expect([status, body.code]).toEqual([409, 'rebuild_refused']);
  expect(JSON.stringify(body)).toContain('needs a program with fold version 2');
  expect(await program.store.listJobs({ after: null, limit: 1 })).toEqual([]);
});

it('the routes of rebuilds answer 503 until the store is migrated', async () => {
  const program = await programWithOrder();
  const ask = serverOn(program.store, () => null);
  expect(await ask('')).toMatchObject({ status: 503, body: { code: 'not_ready' } });
});

it('a second rebuild is refused as soon as the first one has begun, before it has a report', async () => {
  const program = await programWithOrder();
  const { columns } = buggyOrders.view;
  await program.store.beginRebuild({ rebuildId: 'first', foldVersion: 1, columns });
  const { status, body } = await serverOn(program.store)('', WHY);
  expect([status, body.code]).toEqual([409, 'rebuild_refused']);
  expect(body.detail).toContain('The rebuild first is under way');
  expect(await program.store.listJobs({ after: null, limit: 1 })).toEqual([]);
});

it('a switch keeps the former table only if that is asked for', async () => {
  const program = await programWithOrder();
  await program.work('build', 'rebuild-1');
  const { body } = await serverOn(program.store)(':switch', WHY);
  expect(body).toMatchObject({ parameters: { task: 'switch', rebuildId: 'rebuild-1', keepsFormer: false } });
  const audit = await program.store.listAudit({ after: null, limit: 2 });
  expect(audit.at(-1)).toMatchObject({ action: 'rebuild_switched', details: { keepsFormer: false } });
});

/** The store, with another answer to the discarding of a rebuild. */
function withDiscard(store: Store, discardRebuild: () => Promise<boolean>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'discardRebuild') return discardRebuild;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

it('a rebuild that cannot be discarded any more stays, and the audit log has nothing of it', async () => {
  const program = await programWithOrder();
  await program.work('build', 'rebuild-1');
  const store = withDiscard(program.store, async () => false);
  const { status, body } = await serverOn(program.store, () => store)(':discard', WHY);
  expect([status, body.code]).toEqual([409, 'rebuild_refused']);
  expect(body.detail).toContain('is being switched to, or has been');
  expect(await program.store.listAudit({ after: null, limit: 1 })).toEqual([]);
});

it('a rebuild whose table the user of the program may not drop is discarded by a command', async () => {
  const program = await programWithOrder();
  await program.work('build', 'rebuild-1');
  const refuse = async () => {
    throw new TributaryError('store_refused', 'The user may not drop tables.');
  };
  const store = withDiscard(program.store, refuse);
  const { status, body } = await serverOn(program.store, () => store)(':discard', WHY);
  expect([status, body.code]).toEqual([409, 'rebuild_refused']);
  expect(body.detail).toContain('Use "order-sync rebuild --discard".');
});
