import { describe, expect, it } from 'vitest';
import {
  createTimestamps,
  EVENT_CODES,
  type EventCode,
  makeBody,
  parsePairs,
} from '../../../src/apps/event-producer/codes.ts';
import {
  cloudEventHeaders,
  publish,
  requireTopics,
  toOutgoing,
} from '../../../src/apps/event-producer/publish.ts';
import { orders } from '../../../src/orders/index.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import type { EventLog } from '../../../src/ports/event-log.ts';
import { FakeProducer } from './fake-log.ts';

const topics = new Map([
  ['ORDER', 'order_events'],
  ['PAYMENT', 'payment_events'],
]);
const timestampMs = Date.parse('2025-04-05T02:26:30.265Z');

describe('the body of an event', () => {
  it.each([
    [
      'o',
      '{"eventType":"ORDER","orderId":"order123","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:30.265Z"}',
    ],
    [
      'pa',
      '{"eventType":"PAYMENT","orderId":"order123","paymentStatus":"PAYMENT_AUTHORIZED","timestamp":"2025-04-05T02:26:30.265Z"}',
    ],
    [
      'par',
      '{"eventType":"PAYMENT","orderId":"order123","paymentStatus":"PAYMENT_AUTH_WITHPENDING_REVIEW","timestamp":"2025-04-05T02:26:30.265Z"}',
    ],
    [
      'paa',
      '{"eventType":"PAYMENT","orderId":"order123","paymentStatus":"AUTHORIZATION_REVIEW_ACCEPTED","timestamp":"2025-04-05T02:26:30.265Z"}',
    ],
    [
      'pad',
      '{"eventType":"PAYMENT","orderId":"order123","paymentStatus":"AUTHORIZATION_REVIEW_DECLINED","timestamp":"2025-04-05T02:26:30.265Z"}',
    ],
  ] satisfies [EventCode, string][])(
    'keeps the fields of the code %s, in the same sequence',
    (code, json) => {
      expect(JSON.stringify(makeBody(code, 'order123', { timestampMs }))).toBe(json);
    },
  );

  it('ends with the revision and the event id if they are given', () => {
    const body = makeBody('o', 'order123', { timestampMs, revision: 3, eventId: 'e1' });
    expect(Object.keys(body).slice(-2)).toEqual(['revision', 'eventId']);
  });
});

describe('the record of an event', () => {
  it.each(Object.keys(EVENT_CODES) as EventCode[])(
    'decodes as an event that has its id from the header for the code %s',
    (code) => {
      const body = makeBody(code, 'größe 🧾', { timestampMs });
      const { record } = toOutgoing(body, { eventId: 'id-1', source: '/test', topics });
      const decoder = createDecoder(orders, {
        topicNames: { order_events: 'order_events', payment_events: 'payment_events' },
      });
      const decoded = decoder.decode(
        { ...record, offset: 0n, timestampMs: 0 },
        { topic: record.topic, partition: 0 },
        0,
      );
      expect(decoded).toMatchObject({
        kind: 'event',
        event: {
          entityId: 'größe 🧾',
          eventId: 'id-1',
          occurredAtMs: timestampMs,
          data: JSON.stringify(body),
        },
      });
    },
  );

  it('carries the CloudEvents headers of binary mode', () => {
    const headers = cloudEventHeaders({
      id: 'id-1',
      source: '/test',
      type: 'ORDER',
      time: '2025-04-05T02:26:30.265Z',
      subject: 'é',
    });
    expect(headers.map(([name, value]) => [name, Buffer.from(value ?? []).toString()])).toEqual([
      ['ce_specversion', '1.0'],
      ['ce_id', 'id-1'],
      ['ce_source', '/test'],
      ['ce_type', 'ORDER'],
      ['ce_time', '2025-04-05T02:26:30.265Z'],
      ['ce_subject', 'é'],
      ['ce_partitionkey', 'é'],
      ['content-type', 'application/json'],
    ]);
  });

  it('comes back with its place in the log, in the given sequence', async () => {
    const outgoing = (['o', 'pa'] as const).map((code) =>
      toOutgoing(makeBody(code, 'a', { timestampMs }), { eventId: code, source: '/test', topics }),
    );
    expect(await publish(new FakeProducer(), outgoing)).toEqual([
      { topic: 'order_events', partition: 0, offset: 0n, eventId: 'o', orderId: 'a', eventType: 'ORDER' },
      {
        topic: 'payment_events',
        partition: 0,
        offset: 1n,
        eventId: 'pa',
        orderId: 'a',
        eventType: 'PAYMENT',
      },
    ]);
  });
});

describe('the pairs of a command line', () => {
  it('reads pairs in the sequence in which they were given', () => {
    expect(parsePairs(['o', 'order123', 'pa', 'order123', 'par', 'order5'])).toEqual([
      { code: 'o', orderId: 'order123' },
      { code: 'pa', orderId: 'order123' },
      { code: 'par', orderId: 'order5' },
    ]);
  });

  it.each([
    [[], 'Give pairs'],
    [['o'], 'has no order id after it'],
    [['o', 'a', 'pa'], 'has no order id after it'],
    [['pax', 'a'], '"pax" is not a code: did you mean pa?'],
    [['laod', '7'], 'did you mean load?'],
    [['refund', 'a'], 'give one of o, pa, par, paa, pad'],
    [['constructor', 'a'], 'is not a code'],
    [['o', ''], 'has 0 bytes'],
    [['o', 'é'.repeat(128)], 'has 256 bytes'],
    [['o', '\ud800'], 'not well-formed'],
  ])('refuses the words %j', (words, message) => {
    expect(() => parsePairs(words, ['load'])).toThrowError(expect.objectContaining({ code: 'usage' }));
    expect(() => parsePairs(words, ['load'])).toThrowError(message);
  });

  it('stamps the events of one order at least 1 ms apart, even if the clock stands still or jumps back', () => {
    const timestampOf = createTimestamps();
    expect([
      timestampOf('a', 100),
      timestampOf('a', 100),
      timestampOf('b', 100),
      timestampOf('a', 50),
    ]).toEqual([100, 101, 100, 102]);
  });
});

describe('the topics of event-producer', () => {
  function log(existing: string[]): { log: EventLog; created: { topic: string; partitions: number }[] } {
    const created: { topic: string; partitions: number }[] = [];
    const log: Partial<EventLog> = {
      describe: async (names) =>
        names
          .filter((topic) => existing.includes(topic))
          .map((topic) => ({ topic, topicId: '1', partitionCount: 0, partitions: [] })),
      createTopics: async (wanted) => void created.push(...wanted),
    };
    return { log: log as EventLog, created };
  }

  it('makes the missing topics where that is allowed, and no others', async () => {
    const { log: eventLog, created } = log(['order_events']);
    await requireTopics(eventLog, topics, { partitions: 4, mayCreate: true, brokers: [] });
    expect(created).toEqual([{ topic: 'payment_events', partitions: 4 }]);
  });

  it('names the command that makes the missing topics, where it may not make them', async () => {
    const { log: eventLog, created } = log([]);
    const policy = { partitions: 6, mayCreate: false, brokers: ['kafka:9092'] };
    await expect(requireTopics(eventLog, topics, policy)).rejects.toMatchObject({
      code: 'topic_missing',
      message: expect.stringContaining(
        'kafka-topics.sh --bootstrap-server kafka:9092 --create --topic payment_events --partitions 6',
      ),
    });
    expect(created).toEqual([]);
  });
});
