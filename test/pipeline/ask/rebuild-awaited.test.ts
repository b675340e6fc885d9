import { describe, expect, it } from 'vitest';
import { whatIfJson } from '../../../src/apps/order-sync/ask-json.ts';
import { whatIfText } from '../../../src/apps/order-sync/ask-text.ts';
import { orders } from '../../../src/orders/index.ts';
import { explain } from '../../../src/pipeline/ask/explain.ts';
import { whatIf } from '../../../src/pipeline/ask/what-if.ts';
import { ACCEPTED, AUTHORIZED, created, inspectionOf, OrderStore, paid } from '../../helpers/order-store.ts';

const NEWER = { ...orders, foldVersion: 2 };
const WAITING =
  'Rows and deliveries wait for a rebuild ("order-sync rebuild"): until then its events are journaled, its row stays as it ' +
  'is, and nothing of it becomes due.';

/** An order that is ready by its journal, with a row of an older fold that was never due to anybody. */
async function oldRow() {
  const place = await OrderStore.open();
  await place.journal([created('a', '10:00'), paid('a', AUTHORIZED, '10:01')]);
  const store = {
    ...inspectionOf(place.store),
    readView: async () => new Map([['a', { row: ['CREATED', null, null, false], version: 2 }]]),
    listDeliveries: async () => [],
    readDelivery: async () => null,
  };
  return { place, parts: place.parts({ store }) };
}

describe('the explanation of an order whose row waits for a rebuild', () => {
  it('says that rows wait for a rebuild where a newer program has journaled events, and gives no false reason', async () => {
    const { place, parts } = await oldRow();
    const before = await explain(parts, 'a');
    expect(before).toMatchObject({ rowDiffers: true, waitsForRebuild: false });
    expect(before.sentences.join(' ')).toMatch(/somebody has altered it.*the filter of this target/);

    await place.store.awaitFold(2);
    for (const domain of [orders, NEWER]) {
      const { sentences, rowDiffers, waitsForRebuild } = await explain({ ...parts, domain }, 'a');
      expect([rowDiffers, waitsForRebuild]).toEqual([false, true]);
      expect(sentences).toEqual(['Ready since 10:01:00Z.', WAITING, 'It was never due to order-mgt.']);
    }
  });

  it('says so of the rows of an older fold before the newer program has started', async () => {
    const { parts } = await oldRow();
    const { sentences, rowDiffers } = await explain({ ...parts, domain: NEWER }, 'a');
    expect([rowDiffers, sentences[1]]).toEqual([false, WAITING]);
  });

  it('says of rows of a newer fold neither that they wait nor that somebody altered them', async () => {
    const { place, parts } = await oldRow();
    const state = { ...(await place.store.viewState()), foldVersion: 2 };
    const store = { ...parts.store, viewState: async () => state };
    expect(await explain({ ...parts, store }, 'a')).toMatchObject({
      rowDiffers: false,
      waitsForRebuild: false,
    });
  });
});

describe('what one more event would do while rows wait for a rebuild', () => {
  it('makes nothing due, and names the rebuild', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')]);
    const body = JSON.stringify(paid('a', ACCEPTED, '10:03'));
    const now = await whatIf(place.parts(), 'a', body);
    expect(now).toMatchObject({ dueTo: ['order-mgt'], waitsForRebuild: false });
    expect(whatIfText(orders, 'a', now)).toContain('Version 2 would become due to order-mgt.');

    await place.store.awaitFold(2);
    const waiting = await whatIf(place.parts(), 'a', body);
    expect(waiting).toMatchObject({ kind: 'changes', version: 2, dueTo: [], waitsForRebuild: true });
    expect(whatIfText(orders, 'a', waiting)).toContain(
      'nothing would become due: rows and deliveries wait for a rebuild ("order-sync rebuild").',
    );
    expect(whatIfJson(orders, 'a', waiting)).toMatchObject({ due: [], waitsForRebuild: true });
  });
});
