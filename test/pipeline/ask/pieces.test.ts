import { describe, expect, it } from 'vitest';
import type { KnownEvent } from '../../../src/pipeline/ask/known-events.ts';
import {
  countsAt,
  MOMENT_FORMS,
  type Moment,
  momentOf,
  momentText,
} from '../../../src/pipeline/ask/moment.ts';
import { byColumn, stateSentence } from '../../../src/pipeline/ask/state-at.ts';
import { DeliveryWatch } from '../../../src/pipeline/ask/stream/delivery-watch.ts';
import type { StreamListener, StreamMessage } from '../../../src/pipeline/ask/stream/messages.ts';
import { placesOf, positionOf } from '../../../src/pipeline/ask/stream/position.ts';
import { StatusWatch } from '../../../src/pipeline/ask/stream/status-watch.ts';
import { marksOf } from '../../../src/pipeline/ask/timeline.ts';
import type { StoredDelivery } from '../../../src/ports/ledger.ts';

describe('a moment', () => {
  it.each<[Moment, boolean[]]>([
    [{ kind: 'now' }, [true, true, true]],
    [{ kind: 'at', ms: 10 }, [true, true, false]],
    [{ kind: 'as_known_at', ms: 20 }, [true, true, false]],
    [{ kind: 'version', version: 2 }, [true, true, false]],
  ])('takes the events that count, the one at its end included: %j', (moment, expected) => {
    const arrived = [
      { version: 1, occurredAtMs: 9, observedAtMs: 19 },
      { version: 2, occurredAtMs: 10, observedAtMs: 20 },
      { version: 3, occurredAtMs: 11, observedAtMs: 21 },
    ];
    expect(arrived.map((event) => countsAt(moment, event))).toEqual(expected);
  });

  it.each<[string, Moment | null]>([
    ['now', { kind: 'now' }],
    ['0', { kind: 'version', version: 0 }],
    ['123456789012345', { kind: 'version', version: 123456789012345 }],
    ['1234567890123456', null],
    ['x1', null],
    ['1x', null],
    ['1970-01-01T00:00:01Z', { kind: 'at', ms: 1_000 }],
    ['known:1970-01-01T00:00:01Z', { kind: 'as_known_at', ms: 1_000 }],
    ['known:now', null],
    ['unknown:1970-01-01T00:00:01Z', null],
  ])('reads %j as %j', (text, moment) => {
    expect(momentOf(text)).toEqual(moment);
  });

  it('prints its forms, of which a message tells', () => {
    expect(momentText({ kind: 'as_known_at', ms: 1_000 })).toBe('known:1970-01-01T00:00:01.000Z');
    for (const form of ['3', '2026-11-22T10:00:00Z', 'known:2026-11-22T10:00:00Z', 'now'])
      expect([MOMENT_FORMS.includes(form), momentOf(form) !== null]).toEqual([true, true]);
  });
});

describe('the marks of events', () => {
  const event = (version: number, occurredAtMs: number, eventId = `e${version}`) =>
    ({
      version,
      occurredAtMs,
      eventId,
      contentHash: `${version}`.repeat(64),
      position: 1,
      revision: null,
      cautionRank: 0,
    }) as unknown as KnownEvent<unknown>;

  it('tell the place in canonical sequence, and which events came too late', () => {
    const marks = marksOf([event(3, 20), event(1, 10), event(2, 30), event(4, 40)]);
    expect([...marks]).toEqual([
      [1, { place: 1, isLate: false, conflictsWith: [] }],
      [2, { place: 3, isLate: false, conflictsWith: [] }],
      [3, { place: 2, isLate: true, conflictsWith: [] }],
      [4, { place: 4, isLate: false, conflictsWith: [] }],
    ]);
    expect(marksOf([]).size).toBe(0);
  });

  it('tell the versions of all events with the same id', () => {
    const marks = marksOf([event(1, 10, 'same'), event(2, 11), event(3, 12, 'same'), event(4, 13, 'same')]);
    expect([1, 2, 3, 4].map((version) => marks.get(version)?.conflictsWith)).toEqual([
      [3, 4],
      [],
      [1, 4],
      [1, 3],
    ]);
  });
});

describe('a state at a moment', () => {
  it('gets a sentence, also if none of its events counts', () => {
    const state = { events: [], isReady: true, whyNot: null, since: null };
    expect(stateSentence(state as never, 0)).toBe('Not ready: none of its events counts.');
    expect(stateSentence({ ...state, events: [{}] } as never, 0)).toBe('Ready.');
  });

  it('names its columns', () => {
    const columns = [
      { name: 'a', type: 'text' },
      { name: 'b', type: 'text' },
    ] as never;
    expect(byColumn(columns, ['x'])).toEqual({ a: 'x', b: null });
  });
});

describe('a position of many partitions', () => {
  const of = (topic: string, partition: number) => ({ topic, topicId: `id of ${topic}`, partition });

  it('keeps offsets of every length, up to the largest', () => {
    const offsets = [0n, 1n, 126n, 127n, 128n, 16_382n, 16_383n, 2n ** 40n, 2n ** 63n - 2n];
    const known = offsets.map((_, partition) => of('t', partition));
    const places = new Map(offsets.map((offset, partition) => [`t/${partition}`, offset]));
    expect(placesOf(positionOf(places, known), known)).toEqual(places);
    expect(placesOf(positionOf(places, [...known].reverse()), known)).toEqual(places);
  });

  it.each(['', 'AA', 'Ag', 'AQ!', ' AQ', 'AQE', 'AQAAAA', 'AQAAAAAA'])(
    'refuses %j, which nobody made',
    (text) => {
      expect(placesOf(text, [of('t', 0)])).toBeNull();
    },
  );

  it('takes 12,000 characters at most', () => {
    const known = (count: number) => Array.from({ length: count }, (_, partition) => of('t', partition));
    const lengthOf = (count: number) => {
      const places = new Map(known(count).map(({ partition }) => [`t/${partition}`, 0n]));
      return positionOf(places, known(count));
    };
    // The form takes a byte, the topic four, the number of partitions two, and each partition one: 9,000 bytes.
    expect(lengthOf(8_993)).toHaveLength(12_000);
    expect(lengthOf(8_994)).toBe('too-long');
    expect(placesOf(lengthOf(8_993), known(8_993))?.size).toBe(8_993);
    expect(placesOf(`${lengthOf(8_993)}A`, known(8_993))).toBeNull();
  });

  it('leaves out a partition between others that has no place', () => {
    const known = [of('t', 0), of('t', 3), of('u', 1)];
    const places = new Map([
      ['t/3', 5n],
      ['u/1', 0n],
    ]);
    expect(placesOf(positionOf(places, known), known)).toEqual(places);
    expect(positionOf(places, [])).toBe('AQ');
  });
});

describe('the watch of the deliveries of a listener', () => {
  const delivery = (more: Partial<StoredDelivery> = {}): StoredDelivery => ({
    target: 'crm',
    entityId: 'a',
    status: 'pending',
    dueVersion: 1,
    deliveredVersion: null,
    attempts: 0,
    nextAttemptAtMs: 10_000,
    dueSinceMs: 0,
    lastStatus: null,
    lastError: null,
    lastAnswer: null,
    ...more,
  });

  /** The number of messages after each of these states. */
  async function told(...states: readonly (StoredDelivery | null)[]): Promise<number[]> {
    let now: StoredDelivery | null = null;
    const watch = new DeliveryWatch({ store: { readDelivery: async () => now }, targets: ['crm'] });
    const messages: StreamMessage[] = [];
    const listener: StreamListener = {
      entityIds: new Set(['a']),
      position: null,
      send: (message) => messages.push(message),
    };
    watch.add(listener);
    const counts: number[] = [];
    for (const state of states) {
      now = state;
      await watch.look(new AbortController().signal);
      counts.push(messages.length);
    }
    return counts;
  }

  it('tells of a time that has moved by a second or more', async () => {
    expect(await told(delivery(), delivery({ nextAttemptAtMs: 10_999 }))).toEqual([1, 1]);
    expect(await told(delivery(), delivery({ nextAttemptAtMs: 11_000 }))).toEqual([1, 2]);
    expect(await told(delivery(), delivery({ nextAttemptAtMs: 9_001 }))).toEqual([1, 1]);
    expect(await told(delivery(), delivery({ nextAttemptAtMs: 9_000 }))).toEqual([1, 2]);
    expect(await told(delivery(), delivery({ nextAttemptAtMs: null }))).toEqual([1, 2]);
    const none = delivery({ nextAttemptAtMs: null });
    expect(await told(none, none, delivery({ nextAttemptAtMs: 0 }))).toEqual([1, 1, 2]);
  });

  it('tells of every other change, and of nothing that does not exist', async () => {
    expect(await told(null, null)).toEqual([0, 0]);
    expect(
      await told(delivery(), delivery({ attempts: 1 }), delivery({ attempts: 1, lastStatus: 503 })),
    ).toEqual([1, 2, 3]);
  });

  it('stops at the end of a look that was given up', async () => {
    const stopping = new AbortController();
    const asked: string[] = [];
    const sent: StreamMessage[] = [];
    const watch = new DeliveryWatch({
      store: {
        readDelivery: async (target, entityId) => {
          asked.push(`${target} ${entityId}`);
          stopping.abort();
          return delivery({ target, entityId });
        },
      },
      targets: ['crm', 'erp'],
    });
    watch.add({ entityIds: new Set(['a']), position: null, send: (message) => sent.push(message) });
    await watch.look(stopping.signal);
    expect([asked, sent]).toEqual([['crm a'], []]);
  });

  it.each([
    [0, 200],
    [1, 200],
    [3, 66],
    [200, 1],
    [300, 1],
  ])('reads as many orders at a look as %i targets allow: %i', async (count, entities) => {
    const asked = new Set<string>();
    const watch = new DeliveryWatch({
      store: {
        readDelivery: async (_, entityId) => {
          asked.add(entityId);
          return null;
        },
      },
      targets: Array.from({ length: count }, (_, index) => `target ${index}`),
    });
    const ids = Array.from({ length: 201 }, (_, index) => `order ${index}`);
    watch.add({ entityIds: new Set(ids), position: null, send: () => {} });
    await watch.look(new AbortController().signal);
    expect(asked.size).toBe(count === 0 ? 0 : entities);
  });
});

describe('the watch of the status', () => {
  /** The rests after reports that take these times. A report that is null fails. */
  async function rests(reports: readonly (object | null)[], tookMs = 0) {
    const stopping = new AbortController();
    const slept: number[] = [];
    const defects: unknown[] = [];
    const sent: unknown[] = [];
    let nowMs = 0;
    let made = 0;
    const watch = new StatusWatch({
      clock: {
        monotonicMs: () => nowMs,
        async sleep(ms) {
          slept.push(ms);
          if (slept.length === reports.length) stopping.abort();
        },
      },
      report: async () => {
        nowMs += tookMs;
        const report = reports[made++];
        if (report === null) throw new TypeError('It is broken.');
        return report as never;
      },
      onDefect: (error) => defects.push(error),
    });
    await watch.run(stopping.signal, ({ report }) => sent.push(report));
    return { slept, sent, defects: defects.length, latest: watch.latest };
  }

  it('tells of a report that differs in more than its time', async () => {
    const { sent, latest } = await rests([
      { at: '1', a: 1 },
      { at: '2', a: 1 },
      { at: '3', a: 2 },
    ]);
    expect(sent).toEqual([
      { at: '1', a: 1 },
      { at: '3', a: 2 },
    ]);
    expect(latest).toEqual({ kind: 'status', report: { at: '3', a: 2 } });
  });

  it('rests for a second, four times the work, or longer for a large report', async () => {
    expect((await rests([{}])).slept).toEqual([1_000]);
    expect((await rests([{}], 250)).slept).toEqual([1_000]);
    expect((await rests([{}], 300)).slept).toEqual([1_200]);
    const text = 'x'.repeat(250_000);
    const characters = JSON.stringify({ text, at: '' }).length;
    expect((await rests([{ text }])).slept).toEqual([characters / 100]);
  });

  it('goes on after a report that fails because of a defect, which it names', async () => {
    expect(await rests([null, { a: 1 }])).toMatchObject({
      defects: 1,
      sent: [{ a: 1 }],
      slept: [1_000, 1_000],
    });
  });
});
