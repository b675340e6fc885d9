import { describe, expect, it } from 'vitest';
import { readAbsence } from '../../../../src/pipeline/ask/explain/absence.ts';
import type { ResumedPartition } from '../../../../src/ports/checkpoints.ts';
import type { HoldPart } from '../../../../src/ports/holds.ts';

const [ORDERS, PAYMENTS] = ['order_events', 'payment_events'];

type Asked = Parameters<typeof readAbsence>;
type Known = Asked[1];

/** What stands still in a store with this content, for an entity about which this is known. */
async function absenceOf(
  {
    checkpoints = [],
    holds = [],
    resumed = [],
    ranges = {},
    answers = true,
  }: {
    checkpoints?: readonly object[];
    holds?: readonly HoldPart[];
    resumed?: readonly object[];
    ranges?: Readonly<Record<string, readonly [start: bigint, end: bigint, topicId?: string]>>;
    answers?: boolean;
  },
  known: Partial<Known> = {},
) {
  const peeked: string[] = [];
  const parts = {
    topicNames: { a: ORDERS, b: PAYMENTS, again: ORDERS },
    store: {
      checkpoints: async () => checkpoints,
      listHolds: async () => holds.map((part) => ({ part, heldBy: 'ana', reason: '', heldAtMs: 0 })),
      listResumed: async (limit: number) => resumed.slice(0, limit),
      findOpenByKey: async ({ topic, limit }: { topic: string; limit: number }) => ({
        records: [{ topic, partition: limit, offset: 1n, reason: 'nul_byte' }],
        isMore: topic === PAYMENTS,
      }),
    },
    log: {
      peek: async (from: readonly { topic: string; partition: number; offset: bigint }[]) => {
        peeked.push(...from.map(({ topic, partition, offset }) => `${topic}/${partition} ${offset}`));
        if (!answers) return null;
        return from.map(({ topic, partition }) => {
          const [startOffset, endOffset, topicId = 'id'] = ranges[`${topic}/${partition}`] ?? [];
          if (startOffset === undefined) return { kind: 'unknown', topic, partition };
          return { kind: 'peeked', topic, partition, topicId, startOffset, endOffset };
        });
      },
    },
  } as unknown as Asked[0];
  const entity = {
    entityId: 'a',
    events: [],
    deliveries: [],
    isReady: false,
    whyNot: null,
    since: null,
    ...known,
  };
  return { ...(await readAbsence(parts, entity as Known)), peeked };
}

const checkpoint = (topic: string | undefined, partition: number, more: object = {}) => ({
  topic,
  topicId: 'id',
  partition,
  nextOffset: 5n,
  epoch: 1,
  haltReason: null,
  ...more,
});
const halted = (topic: string | undefined, partition: number, more: object = {}) =>
  checkpoint(topic, partition, { haltReason: 'gone: It is gone.', ...more });
const names = (found: readonly { topic: string; partition: number }[]) =>
  found.map(({ topic, partition }) => `${topic}/${partition}`);

describe('the partitions that may have events of an order', () => {
  const same = [0, 1].flatMap((number) => [halted(ORDERS, number), halted(PAYMENTS, number)]);
  const at = (topic: string | undefined, partition: number) => ({ topic, partition }) as never;

  it('count all without a known event, and without one that came from a topic', async () => {
    for (const events of [[], [at('', 1)]])
      expect(names((await absenceOf({ checkpoints: same }, { events })).halts)).toHaveLength(4);
  });

  it('share the number of a known event, if the topics have as many partitions', async () => {
    const { halts, peeked } = await absenceOf(
      { checkpoints: same },
      { events: [at('', 0), at(PAYMENTS, 1)] },
    );
    expect(names(halts)).toEqual(['order_events/1', 'payment_events/1']);
    expect(peeked).toEqual(['order_events/1 5', 'payment_events/1 5']);
  });

  it('count all of the other topics, if the topics differ', async () => {
    const checkpoints = [...same, halted(ORDERS, 2), halted('other', 0)];
    const { halts } = await absenceOf({ checkpoints }, { events: [at(PAYMENTS, 1)] });
    expect(names(halts)).toEqual(['order_events/0', 'order_events/1', 'payment_events/1', 'order_events/2']);
  });
});

describe('what waits in a halted partition', () => {
  const waitingIn = async (range: readonly [bigint, bigint, string?] | undefined, answers = true) => {
    const ranges = range === undefined ? {} : { 'order_events/0': range };
    const { halts } = await absenceOf({ checkpoints: [halted(ORDERS, 0)], ranges, answers });
    return [halts[0]?.startOffset, halts[0]?.waiting];
  };

  it('lies between the checkpoint, or the start of the log, and the end', async () => {
    expect(await waitingIn([0n, 9n])).toEqual([0n, 4]);
    expect(await waitingIn([7n, 9n])).toEqual([7n, 2]);
    expect(await waitingIn([5n, 5n])).toEqual([5n, 0]);
    expect(await waitingIn([0n, 3n])).toEqual([0n, 0]);
    expect(await waitingIn([0n, 9n, 'made again'])).toEqual([0n, 9]);
  });

  it('stays open if the log does not know or does not answer', async () => {
    expect(await waitingIn(undefined)).toEqual([null, null]);
    expect(await waitingIn([0n, 9n], false)).toEqual([null, null]);
  });

  it('needs no question without a part that stands still', async () => {
    expect((await absenceOf({ checkpoints: [checkpoint(ORDERS, 0)] })).peeked).toEqual([]);
  });
});

describe('the pauses that concern an order', () => {
  const checkpoints = [
    checkpoint(ORDERS, 0),
    checkpoint(PAYMENTS, 0),
    checkpoint(ORDERS, 1),
    checkpoint(PAYMENTS, 1),
  ];
  const ranges = Object.fromEntries(
    ['order_events/0', 'payment_events/0', 'order_events/1', 'payment_events/1'].map((name, index) => [
      name,
      [0n, 6n + BigInt(index)] as const,
    ]),
  );
  const waiting = async (part: HoldPart, known: Partial<Known> = {}, more: object = {}) =>
    (await absenceOf({ checkpoints, ranges, holds: [part], ...more }, known)).pauses.map(
      (pause) => pause.waiting,
    );
  const topic = (name = ORDERS): HoldPart => ({ kind: 'topic', topic: String(name) });
  const partition = (number: number): HoldPart => ({
    kind: 'partition',
    topic: String(ORDERS),
    partition: number,
  });

  it('count what waits in all of their partitions', async () => {
    expect(await waiting({ kind: 'ingest' })).toEqual([1 + 2 + 3 + 4]);
    expect(await waiting(topic())).toEqual([1 + 3]);
    expect(await waiting(partition(1))).toEqual([3]);
    const event = { topic: ORDERS, partition: 0 } as never;
    expect(await waiting({ kind: 'ingest' }, { events: [event] })).toEqual([1 + 2]);
    expect(await waiting(partition(1), { events: [event] })).toEqual([]);
    expect(await waiting(topic('other'))).toEqual([null]);
  });

  it('leave no word if nothing waits, and are open if that is not known', async () => {
    const idle = { ranges: { ...ranges, 'order_events/0': [0n, 5n], 'order_events/1': [0n, 5n] } };
    expect(await waiting(topic(), {}, idle)).toEqual([]);
    expect(await waiting({ kind: 'ingest' }, {}, idle)).toEqual([2 + 4]);
    expect(await waiting(topic(), {}, { answers: false })).toEqual([null]);
    expect(await waiting(topic(), {}, { ranges: { 'order_events/0': [0n, 9n] } })).toEqual([null]);
  });

  it('include parts of which nothing was ever read', async () => {
    const none = { checkpoints: [] };
    expect(await waiting({ kind: 'ingest' }, {}, none)).toEqual([null]);
    expect(await waiting(topic(), {}, none)).toEqual([null]);
    expect(await waiting(partition(1), {}, none)).toEqual([null]);
    expect(await waiting(topic(), {}, { checkpoints: [checkpoint(PAYMENTS, 0)] })).toEqual([null]);
    expect(await waiting({ kind: 'ingest' }, {}, { checkpoints: [checkpoint('other', 0)] })).toEqual([null]);
    expect(await waiting({ kind: 'target', target: 'crm' }, {}, none)).toEqual([]);
  });

  it('include a target to which a state is due', async () => {
    const owed = (target: string, status: string) => ({ deliveries: [{ target, status }] as never });
    const crm: HoldPart = { kind: 'target', target: 'crm' };
    expect(await waiting(crm, owed('crm', 'pending'))).toEqual([null]);
    expect(await waiting(crm, owed('crm', 'delivered'))).toEqual([]);
    expect(await waiting(crm, owed('erp', 'pending'))).toEqual([]);
    expect(await waiting(topic('none'), owed('crm', 'pending'), { checkpoints: [] })).toEqual([null]);
    const event = { topic: ORDERS, partition: 0 } as never;
    expect(await waiting(partition(1), { ...owed('crm', 'pending'), events: [event] })).toEqual([]);
  });
});

describe('the offsets that were left out', () => {
  const decision = (fromOffset: bigint, toOffset: bigint, more: Partial<ResumedPartition> = {}) => ({
    topic: ORDERS,
    partition: 0,
    fromOffset,
    toOffset,
    haltReason: null,
    decidedBy: 'ana',
    reason: '',
    decidedAtMs: 100,
    ...more,
  });
  const leftOut = async (resumed: readonly object[], known: Partial<Known> = {}) =>
    (
      await absenceOf({ checkpoints: [checkpoint(ORDERS, 0), checkpoint(PAYMENTS, 0)], resumed }, known)
    ).leftOut.map(({ fromOffset, toOffset }) => [fromOffset, toOffset]);

  it('end where a later decision reads again', async () => {
    expect(await leftOut([decision(1n, 5n)])).toEqual([[1n, 5n]]);
    expect(await leftOut([decision(5n, 5n)])).toEqual([]);
    expect(await leftOut([decision(5n, 6n)])).toEqual([[5n, 6n]]);
    expect(await leftOut([decision(9n, 3n), decision(1n, 5n)])).toEqual([[1n, 3n]]);
    expect(await leftOut([decision(9n, 5n), decision(1n, 5n)])).toEqual([[1n, 5n]]);
    expect(await leftOut([decision(9n, 7n), decision(1n, 5n)])).toEqual([[1n, 5n]]);
    expect(await leftOut([decision(9n, 3n), decision(9n, 4n), decision(1n, 5n)])).toEqual([[1n, 3n]]);
    expect(await leftOut([decision(9n, 4n), decision(9n, 3n), decision(1n, 5n)])).toEqual([[1n, 3n]]);
    expect(await leftOut([decision(9n, 3n, { partition: 1 }), decision(1n, 5n)])).toEqual([[1n, 5n]]);
  });

  it('count in no topic that was made again since, and in no other topic', async () => {
    const made = decision(1n, 5n, { haltReason: 'topic_recreated: another.' });
    expect(await leftOut([made])).toEqual([]);
    expect(await leftOut([made, decision(1n, 5n)])).toEqual([]);
    expect(await leftOut([decision(6n, 8n), made, decision(1n, 5n)])).toEqual([[6n, 8n]]);
    expect(await leftOut([decision(1n, 5n, { haltReason: 'gone: topic_recreated' })])).toEqual([[1n, 5n]]);
    expect(await leftOut([decision(1n, 5n, { topic: 'other' })])).toEqual([]);
    expect(await leftOut([decision(1n, 5n)], { events: [{ topic: ORDERS, partition: 1 } as never] })).toEqual(
      [],
    );
  });

  it('concern an order that waits, unless it began to wait later', async () => {
    const since = (occurredAtMs: number, column: string | null = 'paid') =>
      ({ since: { occurredAtMs }, whyNot: { column, waitsFor: 'payment' } }) as never as Partial<Known>;
    expect(await leftOut([decision(1n, 5n)], since(100))).toEqual([[1n, 5n]]);
    expect(await leftOut([decision(1n, 5n)], since(101))).toEqual([]);
    expect(await leftOut([decision(1n, 5n)], since(101, null))).toEqual([[1n, 5n]]);
    expect(await leftOut([decision(1n, 5n)], { isReady: true })).toEqual([]);
  });

  it('come from the latest 1,000 decisions', async () => {
    const others = Array.from({ length: 1_000 }, () => decision(5n, 5n, { partition: 1 }));
    expect(await leftOut([...others.slice(1), decision(1n, 5n)])).toEqual([[1n, 5n]]);
    expect(await leftOut([...others, decision(1n, 5n)])).toEqual([]);
  });
});

describe('the refused records of an order', () => {
  it('come from each topic once, one more of each than is named', async () => {
    expect((await absenceOf({})).refused).toEqual({
      records: [ORDERS, PAYMENTS].map((topic) => ({ topic, partition: 6, offset: 1n, reason: 'nul_byte' })),
      isMore: true,
      lookMax: 5_000,
    });
  });
});
