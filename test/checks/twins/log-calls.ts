/** The calls of a history beside a log. */
import { partitionName } from '../../../src/core/offset.ts';
import type {
  EventLog,
  LogRecord,
  NewRecord,
  RecordsRead,
  TopicDescription,
} from '../../../src/ports/event-log.ts';
import type { Drawing } from './history.ts';
import { byKey, kind, type LogCaller, record, SINGLE, TOPICS } from './log-caller.ts';
import { comesTrue, LogMember, PATIENCE_MS } from './log-member.ts';

const STORES = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;
const KEYS = [null, '', 'a', 'b', 'é', 'c'] as const;
const LARGE_BYTES = 200_000;
const SMALL_BUFFER = 2_000;
const PLENTY = 8 << 20;
const ALL = { maxRecords: 1_000, maxBytes: 1 << 20 };
/** More reads than a partition has records. */
const READS_MAX = 300;
const OFFSET_MAX = 12;

export const logKinds = [
  kind('createTopics', 5, async (caller, { log, random }) => {
    const topics = TOPICS.filter(() => random.chance(0.7)).map(({ name, partitions }) => ({
      topic: caller.topic(name),
      partitions,
    }));
    await caller.ask('createTopics', topics, () => log.createTopics(topics));
    await caller.untilReadable(topics.map(({ topic }) => topic));
  }),
  kind('append', 20, (caller, drawing) => append(caller, drawing)),
  kind('describe', 4, async (caller, { log, random }) => {
    const names = random.shuffled(['a', 'b', 'c', 'missing']).slice(random.below(3));
    await describe(caller, log, names);
  }),
  kind('readRecords', 8, async (caller, { log, random }) => {
    const topic = caller.topic(random.pick(SINGLE));
    const offset = BigInt(random.below(OFFSET_MAX));
    const limits = { maxRecords: random.pick([1, 2, 1_000]), maxBytes: random.pick([1, 100, 1 << 20]) };
    const range = { topic, partition: 0, offset };
    await caller.ask('readRecords', { ...range, ...limits }, () => readAll(log, range, limits));
    const none = { topic: caller.topic('missing'), partition: 0, offset: 0n, ...limits };
    if (random.chance(0.1))
      await caller.ask(
        'readRecords',
        none,
        () => log.readRecords(none),
        ({ kind: found }) => found,
      );
  }),
  kind('peek', 5, async (caller, { log, random }) => {
    const from = random
      .shuffled(SINGLE)
      .map((name) => ({ topic: caller.topic(name), partition: 0, offset: BigInt(random.below(OFFSET_MAX)) }));
    await caller.ask(
      'peek',
      from,
      () => log.peek(from, PATIENCE_MS),
      (peeks) =>
        peeks.map((peek) => {
          if (peek.kind === 'unreadable') return { kind: peek.kind };
          const { startOffset, endOffset, highWatermark, first } = peek;
          const { kind: found } = first;
          return { startOffset, endOffset, highWatermark, first: found === 'record' ? first.offset : found };
        }),
    );
  }),
  kind('deleteRecords', 2, async (caller, { log, random }) => {
    const partition = { topic: caller.topic(random.pick(SINGLE)), partition: 0 };
    const [found] = await log.describe([partition.topic]);
    const range = found?.partitions[0];
    if (range === undefined) return;
    const before = range.startOffset + BigInt(random.below(Number(range.endOffset - range.startOffset) + 1));
    await caller.ask('deleteRecords', [partition, before], () =>
      caller.side.deleteRecords(partition, before),
    );
  }),
  kind('handGroupTo', 2, async (caller, { log, random }) => {
    const group = random.pick(caller.groups.slice(-2).concat(caller.groups.length === 0 ? [''] : []));
    if (group === '') return;
    const [store, member] = [random.pick(STORES), random.pick(STORES)];
    await caller.ask('handGroupTo', [group, store], () => log.handGroupTo(group, store));
    const topics = [caller.topic('a')];
    const consumer = log.consumer({ group, topics, maxBufferedBytes: PLENTY, store: member });
    await caller.ask('start', [group, member], () => new LogMember(consumer).start());
    await consumer.close();
  }),
  kind('read as a group', 1.5, (caller, drawing) => readAsGroup(caller, drawing)),
];

async function append(caller: LogCaller, { by, random, count }: Drawing): Promise<void> {
  const mayMiss = random.chance(0.05);
  const names = mayMiss ? ['a', 'missing'] : ['a', 'a', 'b', 'c', 'c'];
  const there = await caller.log(by).partitionCounts(names.map((name) => caller.topic(name)));
  const records = Array.from({ length: count(4) }, (): NewRecord => {
    const key = random.pick(KEYS);
    const text = random.chance(0.03) ? 'x'.repeat(LARGE_BYTES) : caller.newValue();
    const value = random.chance(0.05) ? null : Buffer.from(random.chance(0.05) ? '' : text);
    const header = [random.pick(['h', 'é']), random.chance(0.3) ? null : Buffer.from('v')] as const;
    const headers = Array.from({ length: random.below(3) }, () => header);
    return {
      topic: caller.topic(random.pick(names)),
      key: key === null ? null : Buffer.from(key),
      value,
      headers,
    };
  });
  // With a missing topic among them it is open which of the other records were appended.
  const appended = mayMiss
    ? records.filter(({ topic }) => !there.has(topic)).slice(0, 1)
    : records.filter(({ topic }) => there.has(topic));
  const offsets = await caller.ask(
    'append',
    appended,
    () => caller.producer(by).append(appended),
    (places) =>
      places.map(({ topic, partition, offset }) =>
        SINGLE.some((name) => caller.topic(name) === topic) ? { partition, offset } : 'open',
      ),
  );
  for (const [index, place] of (offsets ?? []).entries()) {
    const key = appended[index]?.key ?? null;
    if (caller.nameOf(place.topic) !== 'c' || key === null) continue;
    const name = Buffer.from(key).toString('hex');
    const before = caller.chosen.get(name) ?? place.partition;
    caller.note(`the partition of key ${name}`, before === place.partition ? 'the same' : 'another');
    caller.chosen.set(name, place.partition);
  }
}

/** Topics have ids of their own on each side, and it is open which partition of `c` has which records. */
export async function describe(
  caller: LogCaller,
  log: EventLog,
  names: readonly string[],
): Promise<TopicDescription[]> {
  const topics = names.map((name) => caller.topic(name));
  const described = await caller.ask(
    'describe',
    topics,
    () => log.describe(topics),
    (found) =>
      new Set(
        found.map(({ topic, partitionCount, partitions }) => ({
          topic: caller.nameOf(topic),
          partitionCount,
          partitions:
            partitionCount === 1
              ? partitions.map(({ startOffset, endOffset }) => [startOffset, endOffset])
              : partitions.length,
          records: partitions.reduce((sum, { endOffset }) => sum + endOffset, 0n),
        })),
      ),
  );
  await caller.ask(
    'partitionCounts',
    topics,
    () => log.partitionCounts(topics),
    (counts) => new Map([...counts].map(([topic, count]) => [caller.nameOf(topic), count])),
  );
  return described ?? [];
}

/** Reads on until nothing comes: how much one read gives is open within its limits (`EventLog.readRecords`). */
export async function readAll(
  log: EventLog,
  range: { topic: string; partition: number; offset: bigint },
  limits: { maxRecords: number; maxBytes: number },
): Promise<unknown> {
  const records: LogRecord[] = [];
  let { offset } = range;
  for (let reads = 0; reads < READS_MAX; reads++) {
    const read: RecordsRead = await log.readRecords({ ...range, ...limits, offset });
    if (read.kind === 'unreadable') return { kind: read.kind };
    if (read.kind === 'out_of_range') return { ...read, after: records.length };
    if (read.records.length > limits.maxRecords) return 'more records than the limit';
    records.push(...read.records);
    if (read.nextOffset === offset) return { records: records.map(record), nextOffset: offset };
    offset = read.nextOffset;
  }
  return 'more reads than there are records';
}

/** One or two members read all that is there, then seek and read again, then leave. */
async function readAsGroup(caller: LogCaller, { by, random }: Drawing): Promise<void> {
  const topics = TOPICS.filter(() => random.chance(0.7)).map(({ name }) => caller.topic(name));
  const group = caller.newGroup();
  const maxBufferedBytes = random.pick([SMALL_BUFFER, PLENTY]);
  const limits = random.pick([{ maxRecords: 2, maxBytes: 100 }, ALL]);
  const described = await caller.log(by).describe(topics);
  const partitions = described.flatMap((topic) => topic.partitions);
  if (partitions.length === 0) return;
  const there = described.map(({ topic }) => topic);
  // One member gets partition 0 of all topics, so a second one may get nothing where no topic has more.
  const size = described.some(({ partitionCount }) => partitionCount > 1) && random.chance(0.5) ? 2 : 1;
  const seeks = new Map(partitions.map((range) => [partitionName(range), seekIn(range, random)]));
  await caller.ask('read as a group', { topics: there, size, maxBufferedBytes, limits }, async () => {
    const members = Array.from({ length: size }, (_, index) => {
      const log = caller.log(index === 0 ? by : 1 - by);
      return new LogMember(log.consumer({ group, topics: there, maxBufferedBytes, store: STORES[0] }));
    });
    try {
      for (const member of members) await member.start();
      const held = () => members.flatMap((member) => [...member.held.keys()]);
      const isShared = await comesTrue(
        () =>
          held().length === partitions.length &&
          new Set(held()).size === partitions.length &&
          members.every((member) => member.held.size > 0),
      );
      if (!isShared) return { held: held().sort() };
      const first = await readFrom(members, limits, ({ startOffset }) => startOffset);
      const again = await readFrom(
        members,
        limits,
        (range) => seeks.get(partitionName(range)) ?? range.startOffset,
      );
      for (const member of members)
        await member.consumer.commit(
          [...member.held.values()].map((range) => ({ ...range, offset: range.startOffset })),
        );
      // A log may keep the store of a group beside its committed offsets (`EventLog.handGroupTo`).
      if (there.includes(caller.topic('a'))) caller.groups.push(group);
      return {
        first: told(caller, first),
        again: told(caller, again),
        broken: members.flatMap(({ broken }) => broken),
      };
    } finally {
      for (const member of members) await member.consumer.close();
    }
  });
}

/** An offset inside a topic of one partition. Others have different offsets on each side, and are read as a whole. */
function seekIn(
  { startOffset, endOffset, topic }: { startOffset: bigint; endOffset: bigint; topic: string },
  random: Drawing['random'],
): bigint {
  const isSingle = SINGLE.some((name) => topic.endsWith(name));
  const inside = startOffset + BigInt(random.below(OFFSET_MAX));
  return isSingle && inside < endOffset ? inside : startOffset;
}

async function readFrom(
  members: readonly LogMember[],
  limits: { maxRecords: number; maxBytes: number },
  from: (range: { topic: string; partition: number; startOffset: bigint; endOffset: bigint }) => bigint,
): Promise<Map<string, LogRecord[]>> {
  const all = new Map<string, LogRecord[]>();
  for (const member of members) {
    member.follow(from);
    const unread = [...member.held.values()].filter((range) => from(range) < range.endOffset);
    const ends = new Map(unread.map((range) => [partitionName(range), range.endOffset]));
    for (const [name, records] of await member.readTo(ends, limits)) all.set(name, records);
  }
  return all;
}

/** The records of topics with one partition as they came, and of others by key. */
function told(caller: LogCaller, read: ReadonlyMap<string, readonly LogRecord[]>): unknown {
  const single = [...read].filter(([name]) => !caller.nameOf(name).startsWith('c/'));
  const others = [...read]
    .filter(([name]) => caller.nameOf(name).startsWith('c/'))
    .flatMap(([, records]) => records);
  return {
    single: new Map(
      single
        .filter(([, records]) => records.length > 0)
        .map(([name, records]) => [caller.nameOf(name), records.map(record)]),
    ),
    others: byKey(others),
  };
}

/** Everything that the log holds. */
export async function readLog(caller: LogCaller): Promise<void> {
  const log = caller.log(1);
  const described = await describe(caller, log, ['a', 'b', 'c']);
  const partitionsOf = (name: string) =>
    described.find(({ topic }) => topic === caller.topic(name))?.partitions ?? [];
  for (const name of SINGLE) {
    const offset = partitionsOf(name)[0]?.startOffset ?? 0n;
    const range = { topic: caller.topic(name), partition: 0, offset };
    await caller.ask('readRecords', range, () => readAll(log, range, ALL));
  }
  const records: LogRecord[] = [];
  for (const range of partitionsOf('c')) {
    for (let offset = range.startOffset; offset < range.endOffset; ) {
      const read = await log.readRecords({ ...range, offset, ...ALL });
      if (read.kind !== 'read' || read.nextOffset === offset) break;
      records.push(...read.records);
      offset = read.nextOffset;
    }
  }
  caller.note('all records of the topic c', byKey(records));
  await caller.closeProducers();
}
