import type { Clock } from '../../ports/clock.ts';
import type { EventLogProducer } from '../../ports/event-log.ts';
import type { CommandContext } from '../shared/cli.ts';
import { isKafka, openEventLog } from '../shared/open-log.ts';
import { type PublishedEvent, requireTopics, type TopicsByEventType, topicsOf } from './publish.ts';

export type ProducerContext = CommandContext<'event-producer'>;

/** A producer whose topics exist. Its log is closed by the context's shutdown. */
export interface ProducerSession {
  readonly producer: EventLogProducer;
  readonly topics: TopicsByEventType;
  /** Where the events go, for people. */
  readonly destination: string;
}

/**
 * Opens the log that the settings choose and sees to the topics: on the embedded log missing ones are made, on
 * Kafka only where `mayCreate` says so, because their number of partitions is the owner's decision there.
 */
export async function openSession(
  context: ProducerContext,
  clock: Clock,
  mayCreate: boolean,
): Promise<ProducerSession> {
  const { settings, log, shutdown } = context;
  const eventLog = await openEventLog(settings, clock, log, { clientId: 'event-producer' });
  shutdown.defer('the event log', () => eventLog.close());
  const topics = topicsOf(settings);
  await requireTopics(eventLog, topics, {
    partitions: settings.partitions,
    mayCreate: mayCreate || !isKafka(settings),
    brokers: settings.kafkaBrokers,
  });
  const producer = eventLog.producer();
  shutdown.defer('the producer', () => producer.close());
  const destination = isKafka(settings)
    ? `Kafka at ${settings.kafkaBrokers.join(', ')}`
    : `the embedded log in ${settings.dataDirectory}`;
  return { producer, topics, destination };
}

/** Tells where each event is now: one line or one JSON object for each. */
export async function printPublished(
  context: ProducerContext,
  published: readonly PublishedEvent[],
): Promise<void> {
  for (const event of published) {
    const { topic, partition, offset, eventId, orderId, eventType } = event;
    const text = `${topic}  partition ${partition}  offset ${offset}  event ${eventId ?? '-'}`;
    await context.output.row({ topic, partition, offset, eventId, orderId, eventType }, text);
  }
}
