import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { unparkCommand } from '../../../../src/apps/order-sync/commands/parked.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { AUTHORIZED, created, OrderStore, paid } from '../../../helpers/order-store.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';

const WHY = ['--reason', 'the fold is corrected', '--by', 'ops'];
const decision = {
  action: 'entities_unparked',
  decidedBy: 'ops',
  reason: 'the fold is corrected',
  decidedAtMs: expect.any(Number),
  auditId: expect.anything(),
};

/** A store with parked orders, each of which can be folded. */
async function placeWith(...ids: readonly string[]) {
  const place = await OrderStore.open();
  for (const id of ids)
    await place.park(id, [created(id, '10:00'), paid(id, AUTHORIZED, '10:01')], 'It throws.');
  return {
    store: place.store,
    audit: () => place.store.listAudit({ after: null, limit: 10 }),
    parked: async () =>
      (await place.store.listParked({ after: null, limit: 10 })).map(({ entityId }) => entityId),
    async unpark(...argv: string[]) {
      const host = fakeHost(['unpark', ...argv], { TRIBUTARY_DATA_DIR: place.folder });
      const commands = [unparkCommand(systemClock)];
      const examples = [['order-sync', 'Sync']] as const;
      const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples, commands }, host);
      return { code, out: host.stdout.text, error: host.stderr.text };
    },
  };
}

describe('order-sync unpark', () => {
  it('refuses to let an order go on without a reason, and changes nothing', async () => {
    const { unpark, parked, audit } = await placeWith('a');
    for (const argv of [['a'], ['--all'], ['a', '--reason', '  ']]) {
      const { code, error } = await unpark(...argv);
      expect(code).toBe(2);
      expect(error).toContain('Give the reason by --reason');
    }
    expect(await parked()).toEqual(['a']);
    expect(await audit()).toEqual([]);
  });

  it('adds the order, the person and the reason to the audit log', async () => {
    const { unpark, parked, audit } = await placeWith('a', 'b');
    expect(await unpark('a', 'a', ...WHY)).toMatchObject({ code: 0, out: '"a" goes on\n' });
    expect(await parked()).toEqual(['b']);
    expect(await audit()).toEqual([
      { ...decision, subject: 'a', details: { folded: 1, released: 1, orderIds: ['a'] } },
    ]);
  });

  it('adds one entry for several orders, with their number', async () => {
    const { unpark, parked, audit } = await placeWith('a', 'b', 'c');
    expect(await unpark('--all', ...WHY)).toMatchObject({ code: 0 });
    expect(await parked()).toEqual([]);
    expect(await audit()).toEqual([
      { ...decision, subject: '3 orders', details: { folded: 3, released: 3, orderIds: ['a', 'b', 'c'] } },
    ]);
  });

  it('adds no entry if no order is parked', async () => {
    const { unpark, audit } = await placeWith();
    expect(await unpark('--all', ...WHY)).toMatchObject({ code: 0 });
    expect(await audit()).toEqual([]);
  });
});
