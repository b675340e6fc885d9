import fc from 'fast-check';
import type { PoolConnection } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import {
  bodySize,
  insertSegments,
  MAX_SEGMENT_EVENTS,
  parseEvents,
  readSegments,
  segmentsOf,
} from '../../../src/adapters/mysql/segments.ts';
import { hashCharacters } from '../../../src/core/key-pack.ts';
import type { TraceContext } from '../../../src/core/trace-context.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import { EventPack, PackedEvent } from '../../../src/ports/packed-event.ts';
import { DriverDouble } from './driver-double.ts';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12, size: 'max' });
const trace = fc.constantFrom<TraceContext[]>(
  { traceParent: `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-01` },
  { traceParent: `00-${'c3'.repeat(16)}-${'d4'.repeat(8)}-00`, traceState: 'vendor="a\\b"' },
);
const eventWithoutTrace = fc.record<Omit<JournaledEvent, 'entityId' | 'trace'>>({
  position: fc.maxSafeInteger(),
  occurredAtMs: fc.maxSafeInteger(),
  cautionRank: fc.integer({ min: -3, max: 3 }),
  eventId: text,
  contentHash: fc.constantFrom('ab'.repeat(32), '01'.repeat(32)),
  eventType: text,
  revision: fc.option(fc.nat()),
  observedAtMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  topic: fc.constantFrom('order_events', 'payment.events'),
  partition: fc.nat({ max: 1_000 }),
  offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  // A few bodies are large, so that changes have several segments because of them.
  data: fc.oneof(
    { weight: 14, arbitrary: text },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('x', 'é', '😀'), fc.nat({ max: 30_000 }))
        .map(([unit, length]) => unit.repeat(length + 1)),
    },
  ),
});
const event = fc
  .tuple(eventWithoutTrace, fc.option(trace))
  .map(([fields, context]) => (context === null ? fields : { ...fields, trace: context }));
const change = fc.record({
  entityId: text,
  fromVersion: fc.nat({ max: 100_000 }),
  events: fc.array(event, { minLength: 1, maxLength: 50, size: 'max' }),
});

/** The changes with the id of their entity in each event, as the journal gives them. */
const changes = fc.uniqueArray(change, { maxLength: 4, selector: ({ entityId }) => entityId }).map((all) =>
  all.map(({ entityId, fromVersion, events }) => ({
    entityId,
    fromVersion,
    events: events.map((fields): JournaledEvent => ({ entityId, ...fields })),
  })),
);

/** The events in the segments that were sent, by entity and version. */
function readBack(driver: DriverDouble): Map<string, Map<number, JournaledEvent>> {
  const rows = driver.executions.flatMap(({ parameters }) =>
    Array.from({ length: parameters.length / 5 }, (_, row) => parameters.slice(row * 5, row * 5 + 5)),
  );
  const read = new Map<string, Map<number, JournaledEvent>>();
  for (const [id, firstVersion, count, bodies, events] of rows) {
    const entityId = String(id);
    const parsed = parseEvents(entityId, String(events), bodies as Buffer);
    expect(parsed).toHaveLength(Number(count));
    expect(parsed.length).toBeLessThanOrEqual(MAX_SEGMENT_EVENTS);
    const byVersion = read.get(entityId) ?? new Map();
    read.set(entityId, byVersion);
    for (const [index, one] of parsed.entries()) byVersion.set(Number(firstVersion) + index, one);
  }
  return read;
}

/** The event in a pack of its own, behind another event. */
function packedOf(one: JournaledEvent): JournaledEvent {
  const { topic, partition, contentHash, revision, data } = one;
  const pack = new EventPack({ topic, partition }, one.observedAtMs, 2, Buffer.alloc(0));
  const fields = { ...one, hash: hashCharacters(contentHash), hasRevision: revision !== null };
  const { trace = null } = one;
  pack.add({ ...fields, eventId: 'another', body: 'another', trace: null });
  return new PackedEvent(pack, pack.add({ ...fields, body: data, trace }), null, one.entityId);
}

describe('the segments of the journal', () => {
  it('the events of a change are read back from its segments, each at its version', async () => {
    await fc.assert(
      fc.asyncProperty(changes, async (all) => {
        const driver = new DriverDouble();
        await insertSegments.run(driver.connection, segmentsOf(all));
        const read = readBack(driver);
        const expected = new Map(
          all.map(({ entityId, fromVersion, events }) => [
            entityId,
            new Map(events.map((one, index) => [fromVersion + 1 + index, one])),
          ]),
        );
        expect(read).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('packed events are written as plain ones are', async () => {
    await fc.assert(
      fc.asyncProperty(changes, async (all) => {
        // A packed event with a revision has it as its position.
        const plain = all.map(({ events, ...one }) => ({
          ...one,
          events: events.map((each) => ({
            ...each,
            revision: each.revision === null ? null : each.position,
          })),
        }));
        const packed = plain.map(({ events, ...one }) => ({ ...one, events: events.map(packedOf) }));
        const [expected, written] = [new DriverDouble(), new DriverDouble()];
        await insertSegments.run(expected.connection, segmentsOf(plain));
        await insertSegments.run(written.connection, segmentsOf(packed));
        expect(readBack(written)).toEqual(readBack(expected));
      }),
      { numRuns: 30 },
    );
  });

  it('a segment has as many events as the view event_journal shows, and no more', () => {
    expect(MAX_SEGMENT_EVENTS).toBe(16);
    const one = { data: '{}' } as JournaledEvent;
    const sizes = (count: number) =>
      segmentsOf([{ entityId: 'a', fromVersion: 0, events: new Array(count).fill(one) }]).map(
        ({ events }) => events.length,
      );
    expect(sizes(16)).toEqual([16]);
    expect(sizes(17)).toEqual([16, 1]);
    expect(sizes(40)).toEqual([16, 16, 8]);
  });

  it('large bodies share a segment only while they have 64 Ki characters together', () => {
    const sizes = (...lengths: number[]) =>
      segmentsOf([
        {
          entityId: 'a',
          fromVersion: 0,
          events: lengths.map((length) => ({ data: 'x'.repeat(length) }) as JournaledEvent),
        },
      ]).map(({ events }) => events.length);
    expect(sizes(65_536, 1)).toEqual([1, 1]);
    expect(sizes(65_535, 1)).toEqual([2]);
    expect(sizes(1, 200_000, 1)).toEqual([1, 1, 1]);
  });
});

describe('the size of a body', () => {
  const ONE = {
    entityId: 'a',
    eventId: 'e',
    topic: 't',
    partition: 0,
    contentHash: 'ab'.repeat(32),
    revision: null,
  };
  const plainOf = (data: string) =>
    ({ ...ONE, position: 1, occurredAtMs: 2, data }) as unknown as JournaledEvent;
  const lengthsOf = (events: readonly JournaledEvent[]) =>
    segmentsOf([{ entityId: 'a', fromVersion: 0, events }]).map((segment) => segment.events.length);

  it('counts the characters of a plain event, and the bytes of a packed one', () => {
    const body = 'é'.repeat(40_000);
    expect([bodySize(plainOf(body)), bodySize(packedOf(plainOf(body)))]).toEqual([40_000, 80_000]);
    expect(bodySize(packedOf(plainOf('')))).toBe(0);
  });

  it('cuts packed events as plain ones, by the bytes that they have together', () => {
    const events = [30_000, 30_000, 10_000, 60_000, 1].map((length) => plainOf('x'.repeat(length)));
    expect(lengthsOf(events)).toEqual([2, 1, 2]);
    expect(lengthsOf(events.map(packedOf))).toEqual([2, 1, 2]);
  });
});

describe('readSegments', () => {
  const ONE: JournaledEvent = {
    entityId: 'a',
    position: 1,
    occurredAtMs: 2,
    cautionRank: 0,
    eventId: 'e',
    contentHash: 'ab'.repeat(32),
    eventType: 'ORDER',
    revision: null,
    observedAtMs: 3,
    topic: 't',
    partition: 4,
    offset: 5n,
    data: '{"a":"é"}',
  };

  it('the segments are asked for by their first versions, and those that exist are read', async () => {
    const driver = new DriverDouble();
    const events = [ONE, { ...ONE, eventId: 'f', data: '{}' }];
    await insertSegments.run(driver.connection, [{ entityId: 'a', firstVersion: 7, events }]);
    const [, version, count, bodies, packed] = driver.executions[0]?.parameters ?? [];
    expect([version, count, String(bodies)]).toEqual([7n, 2n, '{"a":"é"}{}']);
    expect(driver.executions[0]?.sql).toBe(
      'INSERT INTO journal_segments (entity_id, first_version, event_count, bodies, events) VALUES (?,?,?,?,?) ',
    );
    const asked: [string, unknown][] = [];
    const connection = {
      async execute(sql: string, parameters: unknown) {
        asked.push([sql, parameters]);
        return [[[7, packed, bodies]], []];
      },
    } as unknown as PoolConnection;
    expect(await readSegments(connection, 'a', [1, 7, 9])).toEqual(new Map([[7, events]]));
    expect(asked).toEqual([
      [
        'SELECT first_version, events, bodies FROM journal_segments FORCE INDEX (`PRIMARY`) WHERE entity_id = ? AND first_version IN (?,?,?,?)',
        ['a', '1', '7', '9', '9'],
      ],
    ]);
    expect(await readSegments(connection, 'a', [])).toEqual(new Map());
  });

  it('a trace that somebody has altered is left out', () => {
    const packed = [1, 2, 0, 'e', ONE.contentHash, 'ORDER', null, 3, 't', 4, '5', 1, 10, 'no trace'];
    expect(parseEvents('a', JSON.stringify([packed]), Buffer.from(ONE.data))).toStrictEqual([ONE]);
  });

  it('the events of a change with one segment are not copied', () => {
    const events = [ONE];
    expect(segmentsOf([{ entityId: 'a', fromVersion: 3, events }])).toEqual([
      { entityId: 'a', firstVersion: 4, events },
    ]);
    expect(segmentsOf([{ entityId: 'a', fromVersion: 3, events }])[0]?.events).toBe(events);
    expect(segmentsOf([{ entityId: 'a', fromVersion: 3, events: [] }])).toEqual([]);
  });
});
