import { beforeAll, describe, expect, it } from 'vitest';
import { SCANNED_ROWS } from '../../../../src/pipeline/ask/list-rows.ts';
import { change, commitChanges } from '../../../contract/store/fixtures.ts';
import { created, OrderStore, PENDING, paid } from '../../../helpers/order-store.ts';
import { orderSyncIn } from './command-run.ts';

const idsOf = (out: string) => (JSON.parse(out) as { orderId: string }[]).map(({ orderId }) => orderId);

describe('the list of many orders', () => {
  let folder = '';
  const all = Array.from(
    { length: SCANNED_ROWS + 5 },
    (_, index) => `order-${String(index).padStart(5, '0')}`,
  );

  beforeAll(async () => {
    let close = async () => {};
    const place = await OrderStore.open(['order-mgt'], (end) => {
      close = end;
    });
    folder = place.folder;
    const bare = ['CREATED', null, null, false];
    const pending = ['CREATED', PENDING, 'PENDING', false];
    for (let from = 0; from < all.length; from += 5_000)
      await commitChanges(
        place.store,
        ...all
          .slice(from, from + 5_000)
          .map((id) => change(id, 0, { row: id === all.at(-1) ? pending : bare })),
      );
    return () => close();
  });

  it('goes on behind a page that has no row, because others may follow', async () => {
    const { code, out, error } = await orderSyncIn(folder, ['orders', '--status', 'PENDING', '--json']);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(idsOf(out)).toEqual([all.at(-1)]);
  });

  it.each([499, 500, 501, 1_000, 1_001])('ends after %i orders', async (limit) => {
    const { out } = await orderSyncIn(folder, ['orders', '--limit', String(limit), '--json']);
    expect(idsOf(out)).toEqual(all.slice(0, limit));
  });

  it('begins behind an order', async () => {
    const { out } = await orderSyncIn(folder, ['orders', '--after', String(all.at(-3)), '--json']);
    expect(idsOf(out)).toEqual(all.slice(-2));
  });
});

describe('the list of stuck orders', () => {
  async function waiting(): Promise<string> {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')], [created('b', '10:00'), paid('b', PENDING, '10:01')]);
    return place.folder;
  }

  it('says how many wait for a shorter time, unless it begins behind an order', async () => {
    const folder = await waiting();
    const whole = await orderSyncIn(folder, ['stuck', '--stuck-after', '8760h']);
    expect(whole.error).toContain(
      'No order is stuck. 2 orders wait for an event, none for longer than 365 d',
    );
    const part = await orderSyncIn(folder, ['stuck', '--stuck-after', '8760h', '--after', 'a']);
    expect(part.error).toBe('No order is stuck.\n');
  });

  it('shows only those of an age', async () => {
    const folder = await waiting();
    const of = async (age: string) =>
      idsOf((await orderSyncIn(folder, ['stuck', '--stuck-after', '1s', '--older-than', age, '--json'])).out);
    expect([await of('1s'), await of('999999d')]).toEqual([['a', 'b'], []]);
  });

  it.each(['0', '-1', 'ten', '1.5'])('refuses the limit %s', async (limit) => {
    const { code, error } = await orderSyncIn(await waiting(), ['orders', `--limit=${limit}`]);
    expect(code).toBe(2);
    expect(error).toContain('--limit is a whole number from 1 on.');
  });
});
