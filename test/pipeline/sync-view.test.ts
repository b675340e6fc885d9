import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../src/core/errors.ts';
import { orders } from '../../src/orders/index.ts';
import type { ViewState } from '../../src/ports/view-rebuild.ts';
import { created, paid } from './sync-place.ts';
import { ready, running, SyncTwins, sweptRoute, TARGET } from './sync-twins.ts';

describe('the view of a running pipeline', () => {
  it('a view whose table is missing comes back with all its rows once a commit or a comparison finds out', async () => {
    for (const finder of ['ingest', 'verifier'] as const) {
      const twins = new SyncTwins();
      const sync = await running(twins);
      twins.append(...ready('a'), created('b'));
      await twins.journaled(3);
      twins.database.tables.delete('orders');
      if (finder === 'ingest') twins.append(paid('b', 'PAYMENT_AUTHORIZED', 1));
      // A commit finds out at once. The next comparison begins 15 s after the last one. The table is made 10 s later.
      const withinMs = finder === 'ingest' ? 12_000 : 27_000;
      const isFilled = () => twins.logged.some((line) => line.includes('The view is complete again'));
      await twins.until(isFilled, withinMs);
      expect(twins.logged).toContain(
        'warn: The table orders was missing: it was made anew, and its rows are made from the journal.',
      );
      expect([...(await twins.store.readView(['a', 'b'])).keys()].sort()).toEqual(['a', 'b']);
      expect(sync.status().verification.repaired).toBeGreaterThan(0);
    }
  });

  it('the health names a missing view for as long as nobody may make it', async () => {
    const twins = new SyncTwins();
    const denied = new TributaryError('store_failed', 'CREATE is denied.', { retryable: false });
    const store = twins.storeWith(() => ({ remakeView: () => Promise.reject(denied) }));
    const sync = await running(twins, { store });
    twins.append(...ready('a'));
    await twins.journaled(2);
    twins.database.tables.delete('orders');
    await twins.until(() => twins.logged.includes('error: CREATE is denied.'));
    expect(await sync.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('CREATE is denied.'),
      summary: expect.stringContaining('database: the view is missing'),
    });
  });

  it('a view that a start made anew gets its rows without rests', async () => {
    const twins = new SyncTwins();
    const first = await running(twins);
    twins.append(...Array.from({ length: 250 }, (_, index) => created(`order-${index}`)));
    await twins.journaled(250);
    await twins.settled(first.stop());
    twins.database.tables.delete('orders');
    const sync = await running(twins);
    await twins.clock.advance(40);
    expect(sync.status().verification).toMatchObject({ repaired: 250 });
    expect(twins.logged).toContain('info: The view is complete again: its rows were made from the journal.');
  });

  it('a program hears that a newer one has taken over the view', async () => {
    const twins = new SyncTwins();
    const outdated: unknown[] = [];
    const sync = await running(twins, { onOutdated: (error) => outdated.push(error) });
    await twins.store.awaitFold(2);
    await twins.clock.advance(2_000);
    expect(outdated).toMatchObject([{ code: 'fold_outdated' }]);
    expect(sync.status().view).toMatchObject({ mode: 'outdated' });
  });

  it('a newer program may take over the view where nobody wants to hear of it', async () => {
    const twins = new SyncTwins();
    const sync = await running(twins);
    await twins.store.awaitFold(2);
    await twins.clock.advance(2_000);
    expect(sync.status().view).toMatchObject({ mode: 'outdated' });
    expect(twins.logged.join()).not.toContain('cannot be read');
    expect(sync.status().defects.count).toBe(0);
  });

  it('the health says that a program with a newer fold awaits a rebuild', async () => {
    const twins = new SyncTwins();
    const first = await running(twins);
    await twins.settled(first.stop());
    const sync = await running(twins, { domain: { ...orders, foldVersion: 2 } });
    await twins.clock.advance(1_000);
    expect((await sync.health()).warnings).toEqual([
      expect.stringContaining('The rows of orders were made by fold version 1'),
    ]);
  });

  it('an exchange of the view ends when the process that worked on it is gone', async () => {
    const twins = new SyncTwins();
    const sync = await running(twins);
    const { columns } = await twins.store.viewState();
    await twins.store.beginRebuild({ rebuildId: 'r1', foldVersion: 1, columns });
    await twins.store.noteBuilt('r1', {});
    await twins.store.beginSwitch('r1');
    await twins.clock.advance(3_000);
    expect(sync.status().view?.phase).toBe('switching');
    await twins.until(() => sync.status().view?.phase === 'steady');
    expect(twins.logged).toContain(
      'warn: The exchange of the view stood still, and is finished or taken back.',
    );
  });
});

describe('the sweeps of a pipeline', () => {
  it('sweeps deliver again what the target lost, and end with the pipeline', async () => {
    const twins = new SyncTwins();
    const { route, forgets } = sweptRoute(twins);
    const sync = await running(twins, { targets: [route] });
    twins.append(...ready('a'));
    await twins.until(() => twins.sent.length === 1);
    await twins.until(() => sync.status().sweeps[TARGET]?.last?.outcome === 'complete');
    expect(sync.status().sweeps[TARGET]).toMatchObject({ everyMs: 1_000, last: { compared: 1 } });
    await twins.clock.advance(10_000);
    expect(twins.sent).toHaveLength(1);
    forgets();
    await twins.until(() => twins.sent.length === 2);
    await twins.until(() => twins.logged.some((line) => line.includes('they are delivered again')));
    expect(twins.logged.join()).toContain('(orders "a" missing)');
    await twins.settled(sync.stop());
    forgets();
    await twins.clock.advance(60_000);
    expect(twins.sent).toHaveLength(2);
    expect(twins.clock.sleepers).toBe(0);
  });

  it('sweeps tell of states that the target has and the log has no more', async () => {
    const twins = new SyncTwins();
    const { route } = sweptRoute(twins, { versionsAhead: 5 });
    await running(twins, { targets: [route] });
    twins.append(...ready('a'));
    await twins.until(() => twins.sent.length === 1);
    await twins.until(() => twins.logged.some((line) => line.includes('holds later versions')));
  });

  it('sweeps rest while the rows are being exchanged', async () => {
    const twins = new SyncTwins();
    const { route, forgets } = sweptRoute(twins);
    let phase: ViewState['phase'] = 'steady';
    const store = twins.storeWith((migrated) => ({
      viewState: async () => ({ ...(await migrated.viewState()), phase }),
    }));
    const sync = await running(twins, { store, targets: [route] });
    twins.append(...ready('a'));
    await twins.until(() => sync.status().sweeps[TARGET]?.last?.outcome === 'complete');
    phase = 'settling';
    await twins.clock.advance(3_000);
    forgets();
    await twins.clock.advance(10_000);
    expect(twins.sent).toHaveLength(1);
    phase = 'steady';
    await twins.until(() => twins.sent.length === 2);
  });

  it('sweeps name the epoch of the view under which they compared', async () => {
    const twins = new SyncTwins();
    const { route, forgets } = sweptRoute(twins);
    const epochs: unknown[] = [];
    const store = twins.storeWith((migrated) => ({
      makeDueAgain: (again) => {
        epochs.push(again.viewEpoch);
        return migrated.makeDueAgain(again);
      },
    }));
    await running(twins, { store, targets: [route] });
    twins.append(...ready('a'));
    await twins.until(() => twins.sent.length === 1);
    forgets();
    await twins.until(() => twins.sent.length === 2);
    expect(epochs).toEqual([(await twins.store.viewState()).epoch]);
  });
});
