import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { parkedCommand, unparkCommand } from '../../../../src/apps/order-sync/commands/parked.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { change, commitChanges, event } from '../../../contract/store/fixtures.ts';
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
    unpark: (...argv: string[]) => run(place.folder, 'unpark', ...argv),
    list: (...argv: string[]) => run(place.folder, 'parked', ...argv),
    /** Parks an order with an event that this program does not understand. */
    parkUnknown: (id: string) =>
      commitChanges(
        place.store,
        change(id, 0, {
          row: null,
          events: [event(id, 1, { eventType: 'REFUND', data: '{}' })],
          parking: { kind: 'park', reason: 'fold_failed', detail: 'It is new.', parkedAtMs: 0 },
        }),
      ),
  };
}

async function run(folder: string, ...argv: string[]) {
  const host = fakeHost(argv, { TRIBUTARY_DATA_DIR: folder });
  const commands = [parkedCommand(systemClock), unparkCommand(systemClock)];
  const examples = [['order-sync', 'Sync']] as const;
  const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples, commands }, host);
  return { code, out: host.stdout.text, error: host.stderr.text };
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

  it('refuses to guess which orders are meant, and an order that is not parked', async () => {
    const { unpark, parked } = await placeWith('a', 'b');
    for (const argv of [[], ['a', '--all']])
      expect(await unpark(...argv, ...WHY)).toMatchObject({
        code: 2,
        error: expect.stringContaining('Give the ids of parked orders, or --all'),
      });
    expect(await unpark('a', 'c', ...WHY)).toMatchObject({
      code: 2,
      error: expect.stringContaining('No order "c" is parked'),
    });
    expect(await parked()).toEqual(['a', 'b']);
  });

  it('ends with 5 if any order stays parked, and records only those that go on', async () => {
    const { unpark, parked, audit, parkUnknown } = await placeWith('b');
    await parkUnknown('a');
    const { code, out } = await unpark('--all', ...WHY);
    expect(code).toBe(5);
    expect(out).toMatch(/^"a" stays parked: ".*"\n"b" goes on\n$/);
    expect(await parked()).toEqual(['a']);
    expect(await audit()).toMatchObject([
      { subject: '2 orders', details: { folded: 2, released: 1, orderIds: ['b'] } },
    ]);
  });

  it('folds each of more than 100 orders once, in transactions of 100', async () => {
    const ids = Array.from({ length: 101 }, (_, index) => `order-${String(index).padStart(3, '0')}`);
    const { unpark, parked, audit } = await placeWith(...ids);
    const { code, out } = await unpark(...ids, ...ids, ...WHY);
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toEqual(ids.map((id) => `"${id}" goes on`));
    expect(await parked()).toEqual([]);
    expect((await audit()).map(({ subject }) => subject).sort()).toEqual(['100 orders', 'order-100']);
  });
});

describe('order-sync parked', () => {
  it('prints one line for each order, and says that none is parked', async () => {
    const { list } = await placeWith('a', 'b');
    expect((await list()).out.split('\n')).toEqual([
      expect.stringMatching(/^"a" {2}fold_failed {2}since 2026-01-01T12:00:00\.000Z {2}"It throws\."$/),
      expect.stringMatching(/^"b" /),
      '',
    ]);
    const none = await (await placeWith()).list('--json');
    expect([none.out, none.error]).toEqual(['[]\n', 'No order is parked: all of them could be folded.\n']);
  });
});
