import { describe, expect, it } from 'vitest';
import { goesOnAt } from '../../../src/core/halts.ts';
import { explain } from '../../../src/pipeline/ask/explain.ts';
import type { AskedLog } from '../../../src/pipeline/ask/parts.ts';
import type { HoldPart } from '../../../src/ports/holds.ts';
import { batchOf, quarantined } from '../../contract/store/fixtures.ts';
import { AUTHORIZED, created, inspectionOf, OrderStore, PENDING, paid } from '../../helpers/order-store.ts';

const ORDERS = 'order_events';
const PAYMENTS = 'payment_events';
const REASON = `offset_out_of_range: offsets 1 to 3 are gone. ${goesOnAt(4n)}`;

/** A log in which every partition has the offsets 4 to 59. */
const log: AskedLog = {
  peek: async (from) =>
    from.map(({ topic, partition }) => ({
      kind: 'peeked',
      topic,
      partition,
      topicId: 'id',
      startOffset: 4n,
      endOffset: 60n,
      highWatermark: 60n,
      first: { kind: 'none' },
      openTransaction: null,
    })),
};

/** A store whose checkpoints have this number of partitions of each topic. */
async function storeOf(orderPartitions = 2, paymentPartitions = orderPartitions): Promise<OrderStore> {
  const place = await OrderStore.open();
  for (const [topic, count] of [
    [ORDERS, orderPartitions],
    [PAYMENTS, paymentPartitions],
  ] as const)
    await place.store.acquire(
      Array.from({ length: count }, (_, partition) => ({ topic, partition, topicId: 'id', startOffset: 1n })),
    );
  return place;
}

async function payFrom(place: OrderStore, partition: number, id: string): Promise<void> {
  place.partition = partition;
  await place.journal([paid(id, PENDING, '10:00')]);
}

async function halt(place: OrderStore, topic: string, partition: number, reason = REASON): Promise<void> {
  const checkpoint = (await place.store.checkpoints()).find(
    (each) => each.topic === topic && each.partition === partition,
  );
  if (checkpoint === undefined) throw new Error('There is no such partition.');
  await place.store.halt(checkpoint, checkpoint.epoch, reason);
}

async function pause(place: OrderStore, part: HoldPart): Promise<void> {
  await place.store.hold(part, { decidedBy: 'ana', reason: 'a test', decidedAtMs: place.clock.nowMs });
}

async function resume(place: OrderStore, partition: number, offset: bigint, more: object = {}) {
  await place.store.resume({
    topic: ORDERS,
    partition,
    topicId: 'id',
    offset,
    decidedBy: 'ana',
    reason: 'accepted',
    decidedAtMs: place.clock.nowMs,
    ...more,
  });
}

/** The sentences behind the one that says whether the order is ready, and that it was never sent. */
async function absenceOf(place: OrderStore, id: string, asked: AskedLog | null = log): Promise<string[]> {
  const { sentences } = await explain(place.parts({ log: asked }), id);
  return sentences.filter(
    (sentence) => !/^(Ready|Not ready|Last sent|Nothing was ever|Unknown|No refused)/.test(sentence),
  );
}

const MAY_WAIT = 'events of this order may be among the 56 records that wait there';
const HALTED =
  'order_events/0 is halted at offset 1 (offset_out_of_range); the log starts at 4: ' +
  `${MAY_WAIT}. Run order-sync resume order_events/0 --at 4 --reason "..." to let it go on; order-sync partitions shows ` +
  'what it would leave out.';

describe('a halted partition in explanations', () => {
  it('concerns orders whose known events come from the same number, and orders without any event', async () => {
    const place = await storeOf();
    await payFrom(place, 0, 'here');
    await payFrom(place, 1, 'elsewhere');
    await halt(place, ORDERS, 0);
    expect(await absenceOf(place, 'here')).toEqual([HALTED]);
    expect(await absenceOf(place, 'elsewhere')).toEqual([]);
    expect(await absenceOf(place, 'nosuch')).toEqual([HALTED]);
  });

  it('shows as JSON what waits there', async () => {
    const place = await storeOf();
    await halt(place, ORDERS, 0);
    const { halts } = await explain(place.parts({ log }), 'nosuch');
    expect(halts).toEqual([
      { topic: ORDERS, partition: 0, nextOffset: 1n, haltReason: REASON, startOffset: 4n, waiting: 56 },
    ]);
  });

  it('concerns every order without an event of its topic, if the topics differ in their partitions', async () => {
    const place = await storeOf(3, 2);
    await payFrom(place, 1, 'a');
    await halt(place, ORDERS, 0);
    await halt(place, ORDERS, 1);
    await halt(place, PAYMENTS, 0);
    const names = (await absenceOf(place, 'a')).map((sentence) => sentence.split(' ')[0]);
    expect(names).toEqual(['order_events/0', 'order_events/1']);
  });

  it('begins at "earliest" if its halt names no offset, and has no count while the log is silent', async () => {
    const place = await storeOf();
    await halt(place, ORDERS, 0, 'topic_recreated: another topic.');
    for (const asked of [null, { peek: async () => null }])
      expect(await absenceOf(place, 'a', asked)).toEqual([
        'order_events/0 is halted at offset 1 (topic_recreated): events of this order may be among the records that wait ' +
          'there. Run order-sync resume order_events/0 --at earliest --reason "..." to let it go on; order-sync partitions ' +
          'shows what it would leave out.',
      ]);
  });

  it('gets a sentence of its own only among the first five', async () => {
    const place = await storeOf(8);
    for (let partition = 0; partition < 7; partition++) await halt(place, ORDERS, partition);
    const sentences = await absenceOf(place, 'nosuch');
    expect(sentences).toHaveLength(6);
    expect(sentences[5]).toBe('2 more partitions are halted: see order-sync partitions.');
  });
});

describe('a pause in explanations', () => {
  it('concerns orders whose events may wait there, with the command that ends it', async () => {
    const place = await storeOf();
    await payFrom(place, 0, 'here');
    await payFrom(place, 1, 'elsewhere');
    await pause(place, { kind: 'partition', topic: PAYMENTS, partition: 1 });
    expect(await absenceOf(place, 'here')).toEqual([]);
    expect(await absenceOf(place, 'elsewhere')).toEqual([
      `Partition payment_events/1 is on hold since 12:00:02Z by "ana" ("a test"): ${MAY_WAIT}. Run order-sync unpause ` +
        '--topic payment_events --partition 1 --reason "..." to let it go on.',
    ]);
  });

  it('counts what waits in the partitions of a larger part that can hold the order', async () => {
    const place = await storeOf(4);
    await payFrom(place, 2, 'a');
    await pause(place, { kind: 'topic', topic: ORDERS });
    await pause(place, { kind: 'ingest' });
    expect(await absenceOf(place, 'a')).toEqual([
      expect.stringMatching(/^All ingest .* among the 112 records .* unpause --reason/),
      expect.stringMatching(
        /^Topic order_events .* among the 56 records .* unpause --topic order_events --reason/,
      ),
    ]);
  });

  it('concerns no order if no record waits there', async () => {
    const place = await storeOf();
    await pause(place, { kind: 'partition', topic: PAYMENTS, partition: 1 });
    const idle: AskedLog = {
      peek: async (from) =>
        ((await log.peek(from)) ?? []).map((peek) => ({ ...peek, endOffset: 1n, startOffset: 0n })),
    };
    expect(await absenceOf(place, 'nosuch', idle)).toEqual([]);
    expect(await absenceOf(place, 'nosuch', null)).toHaveLength(1);
  });
});

describe('offsets that were left out, in explanations', () => {
  it('stand in explanations of orders that wait for an event, and of those without any event', async () => {
    const place = await storeOf();
    await payFrom(place, 0, 'here');
    await payFrom(place, 1, 'elsewhere');
    await halt(place, ORDERS, 0);
    await resume(place, 0, 4n);
    const said = 'Offsets 1 to 3 of order_events/0 were left out at 12:00:02Z by "ana" ("accepted")';
    expect(await absenceOf(place, 'here')).toEqual([
      `${said}: the event that is missing may have been among them.`,
    ]);
    expect(await absenceOf(place, 'nosuch')).toEqual([
      `${said}: events of this order may have been among them.`,
    ]);
    expect(await absenceOf(place, 'elsewhere')).toEqual([]);
  });

  it('say nothing of an order that is ready, or that began to wait after the decision', async () => {
    const place = await storeOf();
    await place.journal([created('ready', '10:00'), paid('ready', AUTHORIZED, '10:01')]);
    await place.journal([created('later', '10:30')]);
    await place.journal([created('before', '09:00')]);
    await resume(place, 0, 4n, { decidedAtMs: Date.UTC(2026, 0, 1, 10) });
    expect(await absenceOf(place, 'ready')).toEqual([]);
    expect(await absenceOf(place, 'later')).toEqual([]);
    expect(await absenceOf(place, 'before')).toHaveLength(1);
  });

  it('come back by a later decision to read from an earlier offset', async () => {
    const place = await storeOf();
    await resume(place, 0, 9n);
    await resume(place, 0, 2n);
    await resume(place, 1, 5n);
    await resume(place, 1, 0n);
    expect(await absenceOf(place, 'nosuch')).toEqual([
      expect.stringMatching(/^Offset 1 of order_events\/0 was left out .* may have been there\.$/),
    ]);
  });

  it('count in no topic that was made anew', async () => {
    const place = await storeOf();
    await halt(place, ORDERS, 0, 'topic_recreated: another topic.');
    await resume(place, 0, 7n);
    expect(await absenceOf(place, 'nosuch')).toEqual([]);
  });
});

describe('refused records in explanations', () => {
  const key = Buffer.from('lost');

  it('stand there by the id of the order, also if the journal has other events of it', async () => {
    const place = await storeOf();
    const records = [
      quarantined(7n, { topic: PAYMENTS, key, reason: 'value_unknown' }),
      quarantined(3n, { topic: ORDERS, key }),
      quarantined(4n, { topic: ORDERS, key: Buffer.from('lost ') }),
    ];
    await place.store.commit(batchOf([], [], { quarantined: records }));
    const named =
      '2 refused records have the id of this order as the key: order_events/0/3 (json_invalid), payment_events/0/7 ' +
      '(value_unknown). See order-sync quarantine show order_events/0/3.';
    const { sentences } = await explain(place.parts(), 'lost');
    expect(sentences).toEqual(['Unknown: the journal has no event of this order.', named]);
    await place.journal([created('lost', '10:00')]);
    expect(await absenceOf(place, 'lost')).toEqual([named]);
  });

  it('names at most five of them, and says so if an unknown order has none', async () => {
    const place = await storeOf();
    const records = Array.from({ length: 8 }, (_, n) => quarantined(BigInt(n), { topic: ORDERS, key }));
    await place.store.commit(batchOf([], [], { quarantined: records }));
    const [, sentence] = (await explain(place.parts(), 'lost')).sentences;
    expect(sentence).toMatch(/^More than 5 refused records have .*order_events\/0\/4 \(json_invalid\)\. See/);
    expect((await explain(place.parts(), 'nosuch')).sentences[1]).toBe(
      'No refused record has its id as the key.',
    );
    const parts = {
      ...place.parts(),
      store: {
        ...inspectionOf(place.store),
        findOpenByKey: async () => ({ records: [], isMore: true }),
      },
    };
    expect((await explain(parts, 'nosuch')).sentences[1]).toBe(
      'No refused record has its id as the key, among the first 5000 of each topic: see order-sync quarantine for the others.',
    );
  });
});
