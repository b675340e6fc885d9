import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RebuildPlace } from '../../../src/pipeline/rebuild/places.ts';
import type { RebuildReport } from '../../../src/pipeline/rebuild/report.ts';
import { wrap } from '../ingest/harness.ts';
import { accepted, declined, expectRightAt, paid } from './orders.ts';
import { buggyOrders, Died, dyingStore, fixedOrders, type Program, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.close());

const expectRight = (program: Program) => expectRightAt(world, program);

describe('a program whose fold is newer than the rows', () => {
  it('journals events and leaves rows and deliveries as they are', async () => {
    const old = await world.program(buggyOrders);
    await old.journal([...declined('a'), ...accepted('b')]);
    await old.deliverAll();
    const before = await old.rows();

    const program = await world.program(fixedOrders);
    expect(program.view.writesRows).toBe(false);
    expect(program.view.notes()).toEqual([expect.stringMatching(/fold version 1.*fold version 2.*rebuild/)]);
    expect(await program.journal([paid('b', 'AUTHORIZATION_REVIEW_DECLINED', 5), ...accepted('new')])).toBe(
      true,
    );

    const rows = await program.rows();
    expect(rows.get('a')).toEqual(before.get('a'));
    expect(rows.get('b')).toEqual({ row: before.get('b')?.row, version: 3 });
    expect(rows.get('new')).toEqual({ row: [null, null, null, false], version: 2 });
    expect(await program.claim()).toEqual([]);
  });

  it('shuts out the program with the older fold, which refuses to start again', async () => {
    const old = await world.program(buggyOrders);
    await old.journal(accepted('a'));
    await world.program(fixedOrders);

    expect(await old.journal(accepted('b'))).toBe(false);
    await old.view.refresh();
    expect(old.outdated).toEqual([expect.objectContaining({ code: 'fold_outdated', retryable: false })]);
    await expect(world.program(buggyOrders)).rejects.toMatchObject({ code: 'fold_outdated' });
  });

  it('sends the deliveries of old rows that were due', async () => {
    const old = await world.program(buggyOrders);
    await old.journal(declined('a'));
    const program = await world.program(fixedOrders);
    expect(await program.deliverAll()).toBe(1);
    expect(world.target.held.get('a')?.row).toEqual((await old.rows()).get('a')?.row);
  });
});

describe('a rebuild', () => {
  it('reports exactly the rows that a planted bug has changed', async () => {
    const old = await world.program(buggyOrders);
    for (let index = 0; index < 40; index++)
      await old.journal(index % 4 === 0 ? declined(`declined ${index}`) : accepted(`accepted ${index}`));
    await old.deliverAll();
    const program = await world.program(fixedOrders);
    await program.journal(accepted('new'));

    const { report } = (await program.work('build', 'rebuild-1')) as { report: RebuildReport };
    expect(report.rows).toEqual({
      compared: 41,
      equal: 30,
      different: 10,
      waiting: 1,
      added: 0,
      removed: 0,
    });
    expect(report.differentByColumn).toEqual({ payment_status: 10, review_status: 10, ready_to_send: 10 });
    expect(report.wouldBeDue).toEqual({ 'order-mgt': 11 });
    const shown = report.samples.find(({ id }) => id === 'declined 0');
    expect(shown).toMatchObject({
      version: 3,
      before: { ready_to_send: true },
      after: { ready_to_send: false },
    });
    expect((await program.store.viewState()).rebuild?.report).toEqual(report);
    expect((await program.rows()).get('declined 0')?.row).toContain('AUTHORIZATION_REVIEW_ACCEPTED');
  });

  it('replaces the rows in one step, sends what has changed, and sends nothing else again', async () => {
    const old = await world.program(buggyOrders);
    await old.journal([...declined('sent'), ...accepted('right')]);
    await old.deliverAll();
    await old.journal(declined('due'));
    const program = await world.program(fixedOrders);
    await program.journal([paid('right', 'PAYMENT_AUTHORIZED', 9), ...accepted('new')]);
    world.target.requests.length = 0;

    const { switched } = await program.rebuildAll();
    expect(switched).toMatchObject({ phase: 'done', due: 3 });
    expect(program.view.writesRows).toBe(true);
    await program.deliverAll();

    expect(world.target.requests.map(({ entityId }) => entityId).sort()).toEqual(['due', 'new', 'sent']);
    const [repair] = world.target.requests.filter(({ entityId }) => entityId === 'sent');
    expect(repair).toMatchObject({ version: 3, replaces: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await expectRight(program);
    await program.journal(declined('after'));
    await program.deliverAll();
    await expectRight(program);
  });

  it('finds what ingest changes while it builds', async () => {
    const program = await world.program(fixedOrders);
    await program.journal(accepted('a'));
    await program.work('build', 'rebuild-1');
    await program.journal([paid('a', 'AUTHORIZATION_REVIEW_DECLINED', 3), ...accepted('b')]);
    await program.deliverAll();
    const before = world.target.requests.length;
    expect(await program.work('switch', 'rebuild-1')).toMatchObject({ phase: 'done', due: 0 });
    await program.deliverAll();
    expect(world.target.requests).toHaveLength(before);
    await expectRight(program);
  });

  it('finds what ingest changes right before it is fenced', async () => {
    const program = await world.program(fixedOrders);
    await program.journal(accepted('a'));
    await program.work('build', 'rebuild-1');
    const busy = wrap(program.store, {
      async beginSwitch(rebuildId) {
        await program.journal([paid('a', 'AUTHORIZATION_REVIEW_DECLINED', 3), ...accepted('b')]);
        return program.store.beginSwitch(rebuildId);
      },
    });
    await program.work('switch', 'rebuild-1', null, () => {}, busy);
    await program.deliverAll();
    await expectRight(program);
  });

  it('leaves states alone that ingest has made due since the tables were exchanged', async () => {
    const old = await world.program(buggyOrders);
    await old.journal([...declined('wrong'), ...accepted('right')]);
    await old.deliverAll();
    const program = await world.program(fixedOrders);
    await program.work('build', 'rebuild-1');
    const busy = wrap(program.store, {
      async exchange(switching) {
        await program.store.exchange(switching);
        await program.view.refresh();
        await program.journal([paid('right', 'AUTHORIZATION_REVIEW_DECLINED', 3)]);
        // A late event that leaves the row as it is, and one of an order whose row the rebuild has changed.
        await program.journal([paid('right', 'PAYMENT_AUTHORIZED', 2)]);
        await program.journal([paid('wrong', 'PAYMENT_AUTHORIZED', 0)]);
      },
    });
    expect(await program.work('switch', 'rebuild-1', null, () => {}, busy)).toMatchObject({ due: 1 });
    const due = await Promise.all(
      ['right', 'wrong'].map((orderId) => program.store.readDelivery('order-mgt', orderId)),
    );
    expect(due.map((delivery) => delivery?.dueVersion)).toEqual([3, 4]);
    await program.deliverAll();
    await expectRight(program);
  });

  it('replaces a state whose claim was under way when the tables were exchanged', async () => {
    const old = await world.program(buggyOrders);
    await old.journal(declined('a'));
    const program = await world.program(fixedOrders);
    const claimed = await program.claim();
    await program.rebuildAll();
    // The old state arrives and is settled after the exchange.
    await program.send(claimed);
    world.nowMs += 60_000;
    await program.deliverAll();
    await expectRight(program);
    expect(world.target.held.get('a')?.row).toContain('AUTHORIZATION_REVIEW_DECLINED');
  });

  it('makes room for another one when it is discarded', async () => {
    const program = await world.program(fixedOrders);
    await program.journal(accepted('a'));
    await program.work('build', 'rebuild-1');
    await expect(program.work('build', 'rebuild-2')).rejects.toMatchObject({ code: 'rebuild_refused' });
    expect(await program.store.discardRebuild('rebuild-1')).toBe(true);
    expect(await program.work('switch', 'rebuild-1')).toEqual({ phase: 'gone' });
    expect(await program.work('build', 'rebuild-2')).toMatchObject({ phase: 'built' });
  });

  it('leads back to the older fold if the newer program has only journaled', async () => {
    const old = await world.program(buggyOrders);
    await old.journal(accepted('a'));
    const newer = await world.program(fixedOrders);
    await newer.journal(accepted('b'));
    await old.rebuildAll();
    expect(old.view.writesRows).toBe(true);
    await old.deliverAll();
    await expectRight(old);
  });

  it('keeps the columns of an entity that the new fold cannot fold', async () => {
    const old = await world.program(buggyOrders);
    await old.journal([...accepted('a'), ...accepted('b')]);
    await old.deliverAll();
    const throwing = {
      ...fixedOrders,
      evolve: () => {
        throw new Error('This fold throws.');
      },
    };
    const program = await world.program(throwing);
    const before = await program.rows();
    const { built } = await program.rebuildAll();
    expect(built).toMatchObject({ report: { unfoldable: { count: 2 } } });
    expect(await program.rows()).toEqual(before);
    expect(await program.claim()).toEqual([]);
  });
});

describe('a rebuild whose process dies', () => {
  /** Builds and switches, and dies at this call. Then another process goes on from the saved place. */
  async function survive(program: Program, lastCall: number): Promise<boolean> {
    let isDead = false;
    const id = crypto.randomUUID();
    for (const task of ['build', 'switch'] as const) {
      let saved: RebuildPlace | null = null;
      const save = (place: RebuildPlace | null) => {
        saved = place;
      };
      const store = isDead ? program.store : dyingStore(program.store, lastCall);
      try {
        await program.work(task, id, null, save, store);
      } catch (error) {
        if (!(error instanceof Died)) throw error;
        isDead = true;
        await program.work(task, id, saved);
      }
    }
    return isDead;
  }

  it('goes on in another process, whatever the call at which it died', async () => {
    let version = 1;
    let call = 1;
    for (; ; call++) {
      const old = await world.program({ ...buggyOrders, foldVersion: version++ });
      if (version > 2) await old.rebuildAll(`back ${version}`);
      await old.deliverAll();
      await old.journal([...declined(`a ${version}`), ...accepted(`b ${version}`)]);
      await old.deliverAll();
      const program = await world.program({ ...fixedOrders, foldVersion: version++ });
      await program.journal(accepted(`c ${version}`));
      const before = world.target.requests.length;
      const hasDied = await survive(program, call);
      await program.view.refresh();
      const state = { phase: 'steady', rebuild: null, foldVersion: version - 1 };
      expect(await program.store.viewState(), `call ${call}`).toMatchObject(state);
      await program.deliverAll();
      await expectRight(program);
      const sent = world.target.requests.slice(before).map(({ entityId }) => entityId);
      expect(sent.filter((id) => !id.startsWith('a')).sort()).toEqual([`c ${version}`]);
      expect(sent.filter((id) => id === `a ${version - 1}`)).toHaveLength(1);
      if (!hasDied) break;
    }
    expect(call).toBeGreaterThan(10);
  });

  it('leaves a switch that any instance finishes or takes back if nobody works on its job', async () => {
    const old = await world.program(buggyOrders);
    await old.journal(declined('a'));
    await old.deliverAll();
    const program = await world.program(fixedOrders);
    await program.work('build', 'rebuild-1');
    const epoch = await program.store.beginSwitch('rebuild-1');
    await expect(program.journal(accepted('b'))).rejects.toMatchObject({
      code: 'view_switching',
      retryable: true,
    });
    await program.view.refresh();
    await program.recover();
    expect(await program.journal(accepted('b'))).toBe(true);

    const again = (await program.store.beginSwitch('rebuild-1')) ?? 0;
    expect(again).toBeGreaterThan(epoch ?? 0);
    await expect(
      program.store.exchange({ rebuildId: 'rebuild-1', epoch: epoch ?? 0, waitSeconds: 1 }),
    ).rejects.toMatchObject({ code: 'rebuild_refused' });
    await program.store.exchange({ rebuildId: 'rebuild-1', epoch: again, waitSeconds: 1 });
    expect(await program.claim()).toEqual([]);
    await program.recover();
    expect(await program.deliverAll()).toBeGreaterThan(0);
  });
});
