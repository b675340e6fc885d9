import { TributaryError } from '../../core/errors.ts';
import type { PartitionOffset } from '../../core/offset.ts';
import type { EventLog, EventLogProducer, NewRecord, RecordHeader } from '../../ports/event-log.ts';
import { NO_TRACING, type Tracing } from '../../ports/tracing.ts';
import type { EventBody } from './codes.ts';
import { sendTraced } from './send-spans.ts';

/** The topic of each event type. */
export type TopicsByEventType = ReadonlyMap<string, string>;

export function topicsOf(settings: {
  readonly orderTopic: string;
  readonly paymentTopic: string;
}): TopicsByEventType {
  return new Map([
    ['ORDER', settings.orderTopic],
    ['PAYMENT', settings.paymentTopic],
  ]);
}

/** An event that is to be published: its record, and the fields that the user sees. */
export interface OutgoingEvent {
  readonly record: NewRecord;
  readonly eventId: string | null;
  readonly orderId: string | null;
  readonly eventType: string | null;
}

export interface PublishedEvent extends PartitionOffset {
  readonly eventId: string | null;
  readonly orderId: string | null;
  readonly eventType: string | null;
}

export interface CloudEventAttributes {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  readonly subject: string;
}

const SPEC_VERSION: RecordHeader = ['ce_specversion', Buffer.from('1.0')];
const JSON_CONTENT: RecordHeader = ['content-type', Buffer.from('application/json')];

/**
 * The headers of a CloudEvent in binary mode, in which the body is the plain event. `partitionkey` is the Partitioning
 * extension. Source: CloudEvents 1.0.2, Kafka Protocol Binding, section 3.2.
 */
export function cloudEventHeaders(attributes: CloudEventAttributes): RecordHeader[] {
  const subject = Buffer.from(attributes.subject);
  return [
    SPEC_VERSION,
    ['ce_id', Buffer.from(attributes.id)],
    ['ce_source', encodeRepeated(attributes.source)],
    ['ce_type', encodeRepeated(attributes.type)],
    ['ce_time', Buffer.from(attributes.time)],
    ['ce_subject', subject],
    ['ce_partitionkey', subject],
    JSON_CONTENT,
  ];
}

const MAX_REPEATED = 64;
const repeated = new Map<string, Buffer>();

/** Encodes a source or a type. There are few of them and they come again and again, so each is encoded once. */
function encodeRepeated(text: string): Buffer {
  let encoded = repeated.get(text);
  if (encoded === undefined) {
    if (repeated.size >= MAX_REPEATED) repeated.clear();
    encoded = Buffer.from(text);
    repeated.set(text, encoded);
  }
  return encoded;
}

/** Makes the record of an event. Its key is the order id, and it has CloudEvents headers beside the plain JSON body. */
export function toOutgoing(
  body: EventBody,
  options: { readonly eventId: string; readonly source: string; readonly topics: TopicsByEventType },
): OutgoingEvent {
  const topic = options.topics.get(body.eventType);
  if (topic === undefined) {
    throw new TributaryError('usage', `No topic carries the event type "${body.eventType}".`);
  }
  const headers = cloudEventHeaders({
    id: options.eventId,
    source: options.source,
    type: body.eventType,
    time: body.timestamp,
    subject: body.orderId,
  });
  return {
    record: {
      topic,
      key: Buffer.from(body.orderId),
      value: Buffer.from(JSON.stringify(body)),
      headers,
    },
    eventId: options.eventId,
    orderId: body.orderId,
    eventType: body.eventType,
  };
}

/**
 * Publishes the events. Resolves with their places in the log, in the same sequence, when all of them are durable. Rejects as
 * `EventLogProducer.append` does. If spans are recorded, the records carry the trace of the caller.
 */
export async function publish(
  producer: EventLogProducer,
  events: readonly OutgoingEvent[],
  tracing: Tracing = NO_TRACING,
): Promise<PublishedEvent[]> {
  const places = await sendTraced(tracing, events, (records) => producer.append(records));
  return events.map((event, index) => {
    const place = places[index];
    if (place === undefined) {
      throw new TributaryError(
        'log_append_failed',
        `The log acknowledged ${places.length} of ${events.length} events: nobody knows whether the rest are durable.`,
      );
    }
    const { eventId, orderId, eventType } = event;
    return { ...place, eventId, orderId, eventType };
  });
}

export interface TopicPolicy {
  readonly partitions: number;
  /** Whether missing topics are made. Else they are an error. */
  readonly mayCreate: boolean;
  /** The brokers that the error names, as in `localhost:9092`. */
  readonly brokers: readonly string[];
}

/** Makes sure that the topics exist. Rejects with `topic_missing`, which names the command that makes them. */
export async function requireTopics(
  log: EventLog,
  topics: TopicsByEventType,
  policy: TopicPolicy,
): Promise<void> {
  const wanted = [...new Set(topics.values())];
  const existing = new Set((await log.describe(wanted)).map((description) => description.topic));
  const missing = wanted.filter((topic) => !existing.has(topic));
  if (missing.length === 0) return;
  if (policy.mayCreate) {
    await log.createTopics(missing.map((topic) => ({ topic, partitions: policy.partitions })));
    return;
  }
  const server = policy.brokers[0] ?? 'localhost:9092';
  const commands = missing.map(
    (topic) =>
      `kafka-topics.sh --bootstrap-server ${server} --create --topic ${topic} --partitions ${policy.partitions}`,
  );
  throw new TributaryError(
    'topic_missing',
    `Kafka at ${policy.brokers.join(', ')} has no topic ${missing.join(' and ')}: add --create-topics, or run: ${commands.join(' && ')}`,
  );
}
