import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { orders } from '../../../src/orders/index.ts';
import { explain } from '../../../src/pipeline/ask/explain.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import {
  ACCEPTED,
  AUTHORIZED,
  type Body,
  created,
  DECLINED,
  inspectionOf,
  OrderStore,
  PENDING,
  paid,
} from '../../helpers/order-store.ts';

const STOCK_TOPICS = { stock_movements: 'stock_movements', stock_counts: 'stock_counts' };

async function sentenceOf(place: OrderStore, id = 'a'): Promise<string> {
  return (await explain(place.parts(), id)).sentences.join(' ');
}

describe('the explanation of an order', () => {
  it('says why the order is not ready, and since when', async () => {
    const place = await OrderStore.open();
    const cases: [id: string, Body[], string][] = [
      [
        'review pending',
        [created('review pending', '10:00'), paid('review pending', PENDING, '10:02')],
        'Not ready: its review is pending since 10:02:00Z; the acceptance that would settle it has not arrived. Last sent: never.',
      ],
      [
        'no payment',
        [created('no payment', '10:00')],
        'Not ready: it was created without a payment since 10:00:00Z; no authorisation of its payment has arrived. Last sent: never.',
      ],
      [
        'no order',
        [paid('no order', AUTHORIZED, '10:01')],
        'Not ready: events of its payment have arrived without the order itself since 10:01:00Z; the event that creates it has not arrived. Last sent: never.',
      ],
      [
        'declined',
        [created('declined', '10:00'), paid('declined', DECLINED, '10:03')],
        'Not ready: its payment was declined since 10:03:00Z; it waits for no event, and only a later authorisation or acceptance would make it ready. Last sent: never.',
      ],
    ];
    for (const [id, bodies, expected] of cases) {
      await place.journal(bodies);
      expect(await sentenceOf(place, id)).toBe(expected);
    }
  });

  it('names what the order waits for, since when, and when its last event came', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')], [paid('a', PENDING, '10:02')]);
    const { waiting, isReady } = await explain(place.parts(), 'a');
    expect(isReady).toBe(false);
    expect(waiting).toEqual({
      event: 'review',
      sinceMs: Date.UTC(2026, 0, 1, 10, 2),
      lastArrivalMs: place.clock.nowMs,
    });
  });

  it('says since when an order is ready, by the event that made it so and not by the last one', async () => {
    const place = await OrderStore.open();
    await place.journal([paid('a', AUTHORIZED, '10:02')], [created('a', '10:00')]);
    // In canonical sequence the payment makes the order ready, although the order came last.
    expect(await sentenceOf(place)).toMatch(/^Ready since 10:02:00Z\. /);
  });

  it('shows the day of a moment that is not of today', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')]);
    place.clock.nowMs += 86_400_000;
    expect(await sentenceOf(place)).toContain('since 2026-01-01T10:00:00Z;');
  });

  it('explains an unknown order', async () => {
    const place = await OrderStore.open();
    const { sentences, version, row } = await explain(place.parts(), 'nobody');
    expect(sentences).toEqual([
      'Unknown: the journal has no event of this order.',
      'No refused record has its id as the key.',
    ]);
    expect([version, row]).toEqual([0, null]);
  });

  it('explains a parked order by the reason, and names the command that lets it go on', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')]);
    await place.park('a', [paid('a', PENDING, '10:02')], 'The fold throws at event "x".');
    const { sentences, parked, version } = await explain(place.parts(), 'a');
    expect(sentences[0]).toBe(
      'Parked since 12:00:01Z, because it cannot be folded (fold_failed): The fold throws at event "x". Its events are ' +
        'journaled, but its row and its deliveries stand still. Once the program understands it, run order-sync unpark "a" --reason "..." to let it go on.',
    );
    expect([parked?.reason, version]).toEqual(['fold_failed', 2]);
  });

  it('says that a row was altered by hand, and not while the row is only older than the journal', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')], [paid('a', PENDING, '10:02')]);
    const altered = place.parts();
    const parts = {
      ...altered,
      store: {
        ...inspectionOf(place.store),
        readView: async () => new Map([['a', { row: ['CREATED', ACCEPTED, null, true], version: 2 }]]),
      },
    };
    expect((await explain(parts, 'a')).rowDiffers).toBe(true);
    const older = {
      ...altered,
      store: {
        ...inspectionOf(place.store),
        readView: async () => new Map([['a', { row: ['CREATED', null, null, false], version: 1 }]]),
      },
    };
    expect((await explain(older, 'a')).rowDiffers).toBe(false);
    expect((await explain(altered, 'a')).rowDiffers).toBe(false);
  });

  it('takes an order whose first event comes while it looks for no row without events', async () => {
    const place = await OrderStore.open();
    const store = inspectionOf(place.store);
    let isFirst = true;
    const comes = async () => {
      if (isFirst) await place.journal([created('a', '10:00')]);
      isFirst = false;
    };
    const parts = place.parts({
      store: {
        ...store,
        async readView(ids) {
          const rows = await store.readView(ids);
          await comes();
          return rows;
        },
        async readArrivals(page) {
          const found = await store.readArrivals(page);
          await comes();
          return found;
        },
      },
    });
    const { sentences, rowDiffers } = await explain(parts, 'a');
    expect([sentences.join(' '), rowDiffers]).toEqual([await sentenceOf(place), false]);
  });

  it('shows of an order with many events only the last 100 and the row, and says so', async () => {
    const place = await OrderStore.open();
    const many = Array.from({ length: 130 }, (_, n) => paid('a', PENDING, '10:02', { revision: n + 1 }));
    await place.journal([created('a', '10:00', { revision: 200 })], many);
    const found = await explain(place.parts({ maxEvents: 120 }), 'a');
    expect(found.events.map(({ version }) => version)).toEqual(Array.from({ length: 100 }, (_, n) => n + 32));
    expect([found.version, found.areAllEvents, found.row]).toEqual([
      131,
      false,
      ['CREATED', PENDING, 'PENDING', false],
    ]);
    expect(found.columns.map(({ decidedBy }) => decidedBy)).toEqual([null, null, null, null]);
    expect(found.sentences.join(' ')).toContain('It has 131 events, more than the 120 that are folded here');
    expect((await explain(place.parts({ maxEvents: 131 }), 'a')).events).toHaveLength(131);
  });

  it('works for a domain that says neither what its rows wait for nor which column shows that they are ready', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')]);
    const { readyColumn: _, whyNotReady: __, ...view } = orders.view;
    const { noun: ___, ...domain } = { ...orders, view };
    const { sentences } = await explain(place.parts({ domain }), 'a');
    expect(sentences).toEqual(['Not ready.', 'Last sent: never.']);
    expect((await explain(place.parts({ domain }), 'b')).sentences[0]).toContain('no event of this entity');
  });
});

describe('the event that decided a column', () => {
  it('the last event in canonical sequence that changed a value has decided it, not the last one that arrived', async () => {
    const place = await OrderStore.open();
    await place.journal(
      [paid('a', ACCEPTED, '10:03')],
      [paid('a', PENDING, '10:02')],
      [created('a', '10:00')],
    );
    const { columns, events } = await explain(place.parts(), 'a');
    expect(columns.map(({ column, value, decidedBy }) => [column, value, decidedBy?.version])).toEqual([
      ['order_status', 'CREATED', 3],
      ['payment_status', ACCEPTED, 1],
      ['review_status', 'ACCEPTED', 1],
      ['ready_to_send', true, 1],
    ]);
    expect(events.map(({ version, place: at, changed }) => [version, at, changed])).toEqual([
      [1, 3, ['payment_status', 'review_status', 'ready_to_send']],
      [2, 2, ['payment_status', 'review_status']],
      [3, 1, ['order_status']],
    ]);
  });

  it('no event has decided a column that none has changed, and an event that repeats a value decides nothing', async () => {
    const place = await OrderStore.open();
    await place.journal([
      created('a', '10:00'),
      paid('a', AUTHORIZED, '10:01'),
      paid('a', AUTHORIZED, '10:09'),
    ]);
    const { columns, events } = await explain(place.parts(), 'a');
    expect(columns.map(({ decidedBy }) => decidedBy?.version ?? null)).toEqual([1, 2, null, 2]);
    expect(events[2]?.changed).toEqual([]);
  });
});

describe('the marks of events', () => {
  it('mark an event as late that arrived after an event behind it, and no event of the same transaction', async () => {
    const place = await OrderStore.open();
    await place.journal(
      [paid('a', AUTHORIZED, '10:02'), created('a', '10:00')],
      [paid('a', PENDING, '10:01')],
      [paid('a', ACCEPTED, '10:03')],
    );
    const { events } = await explain(place.parts(), 'a');
    // Inside one transaction, events have versions by the canonical sequence.
    expect(events.map(({ eventType, place: at, isLate }) => [eventType, at, isLate])).toEqual([
      ['ORDER', 1, false],
      ['PAYMENT', 3, false],
      ['PAYMENT', 2, true],
      ['PAYMENT', 4, false],
    ]);
  });

  it('mark events with one id and different contents as conflicts of each other', async () => {
    const place = await OrderStore.open();
    await place.journal(
      [created('a', '10:00', { eventId: 'one' })],
      [created('a', '10:05', { eventId: 'one' })],
      [created('a', '10:05', { eventId: 'two' })],
      [created('a', '10:00', { eventId: 'one' })],
    );
    const { events } = await explain(place.parts(), 'a');
    // The fourth batch repeats the first event, so the journal does not have it twice.
    expect(events.map(({ eventId, conflictsWith }) => [eventId, conflictsWith])).toEqual([
      ['one', [2]],
      ['one', [1]],
      ['two', []],
    ]);
  });
});

describe('the explanation of deliveries', () => {
  async function ready(targets = ['order-mgt']): Promise<OrderStore> {
    const place = await OrderStore.open(targets);
    await place.journal([created('a', '10:00'), paid('a', AUTHORIZED, '10:01')]);
    return place;
  }

  it('says that a state is due and was not tried yet', async () => {
    const place = await ready();
    expect(await sentenceOf(place)).toBe(
      'Ready since 10:01:00Z. Nothing was ever delivered to order-mgt; version 2 is due since 12:00:01Z, and has not been ' +
        'answered yet; the next attempt is due now.',
    );
  });

  it('says what the last attempt was answered, and when the next one comes', async () => {
    const place = await ready();
    const retryAtMs = place.clock.nowMs + 60_000;
    await place.settle(
      { retryAtMs },
      { status: 503, latencyMs: 120.4, error: 'It answered 503.', answer: '' },
    );
    expect(await sentenceOf(place)).toContain(
      'version 2 is due since 12:00:01Z, and is being tried: attempt 1 at 12:00:01Z was answered 503 after 120 ms ' +
        '("It answered 503."); the next attempt comes at 12:01:01Z',
    );
  });

  it('says which version was delivered when, and that a newer one is due', async () => {
    const place = await ready();
    await place.settle('delivered');
    expect(await sentenceOf(place)).toMatch(
      /Version 2 was delivered to order-mgt at 12:00:01Z, which answered 200\.$/,
    );
    await place.journal([paid('a', DECLINED, '10:04')]);
    expect(await sentenceOf(place)).toMatch(
      /^Not ready: its payment was declined.* Version 2 was delivered to order-mgt at 12:00:01Z, which answered 200; version 3 is due since 12:00:02Z/,
    );
  });

  it('says why a delivery is dead, with the command that redrives it', async () => {
    const place = await ready();
    await place.settle('dead', { status: 422, error: 'It answered 422.', answer: '' });
    expect(await sentenceOf(place)).toContain(
      'Nothing was ever delivered to order-mgt; version 2 is dead and is not tried again: attempt 1 at 12:00:01Z was answered ' +
        '422 after 13 ms ("It answered 422."). First mend the cause at the target, then run order-sync redrive --target order-mgt --order "a" to ' +
        'make it due again.',
    );
  });

  it('tells to mend first what the target complains of in its answer, because that is mostly the reason', async () => {
    const place = await ready();
    const answer = '{"detail":"this customer is not known"}';
    await place.settle('dead', { status: 422, error: 'It answered 422.', answer });
    expect(await sentenceOf(place)).toContain(
      '422 after 13 ms ("It answered 422."). First mend the cause at the target (it said: ' +
        '"{\\"detail\\":\\"this customer is not known\\"}"), then run order-sync redrive',
    );
  });

  it('says what is on hold that may be the reason why nothing moves', async () => {
    const place = await ready(['order-mgt', 'archive']);
    await place.settle('delivered', {}, 'archive');
    const decision = { decidedBy: 'ana', reason: 'a release', decidedAtMs: place.clock.nowMs };
    for (const target of ['order-mgt', 'archive'])
      await place.store.hold({ kind: 'target', target }, decision);
    await place.store.hold({ kind: 'topic', topic: 'payment_events' }, decision);
    const { sentences } = await explain(place.parts(), 'a');
    expect(sentences.slice(3)).toEqual([
      'Target order-mgt is on hold since 12:00:01Z by "ana" ("a release"): nothing is sent to it. Run order-sync unpause ' +
        '--target order-mgt --reason "..." to let it go on.',
      'Topic payment_events is on hold since 12:00:01Z by "ana" ("a release"): events of this order may be among the ' +
        'records that wait there. Run order-sync unpause --topic payment_events --reason "..." to let it go on.',
    ]);
  });

  it('speaks of every target, also of those to which the order was never due', async () => {
    const place = await ready(['order-mgt', 'archive']);
    await place.settle('delivered', {}, 'archive');
    const parts = place.parts({ targets: ['order-mgt', 'archive', 'later'] });
    const { sentences, deliveries } = await explain(parts, 'a');
    expect(deliveries.map(({ target, status, attemptLog }) => [target, status, attemptLog.length])).toEqual([
      ['archive', 'delivered', 1],
      ['order-mgt', 'pending', 0],
    ]);
    expect(sentences.at(-1)).toMatch(/^It was never due to later: /);
  });
});

describe('the explanation in another domain', () => {
  it('speaks of an article in the words of its domain', async () => {
    const decoder = createDecoder(stockLedger, { topicNames: STOCK_TOPICS });
    const body = { eventType: 'STOCK_MOVED', articleId: 'bolt', quantity: 100, at: '2026-01-01T10:00:00Z' };
    const record = {
      offset: 0n,
      timestampMs: 0,
      key: Buffer.from('bolt'),
      value: Buffer.from(JSON.stringify(body)),
      headers: [],
    };
    const decoded = decoder.decode(record, { topic: 'stock_movements', partition: 0 }, 0);
    if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
    const { event: _, ...journaled } = decoded.event;
    const place = await OrderStore.open();
    const parts = {
      domain: stockLedger,
      decoder,
      store: {
        ...inspectionOf(place.store),
        readView: async () => new Map(),
        viewState: async () => ({ ...(await place.store.viewState()), columns: stockLedger.view.columns }),
        readArrivals: async ({ after }: { readonly after: number }) => ({
          events: after === 0 ? [{ ...journaled, version: 1 }] : [],
          lastVersion: 1,
        }),
      },
      clock: place.clock,
      log: null,
      due: new DueRules([]),
      topicNames: STOCK_TOPICS,
      targets: ['warehouse'],
      stuckAfterMs: 1,
      maxEvents: 10,
    };
    const { sentences, waiting, row } = await explain(parts, 'bolt');
    expect(sentences).toEqual([
      'Not ready: more than 10 pieces are on hand since 10:00:00Z; it waits for no event.',
      'Last sent: never.',
    ]);
    expect([waiting, row]).toEqual([null, [100, 1, false]]);
  });
});
