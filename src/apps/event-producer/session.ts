import { resolve } from 'node:path';
import type { Clock } from '../../ports/clock.ts';
import type { EventLogProducer, Readers } from '../../ports/event-log.ts';
import type { Tracing } from '../../ports/tracing.ts';
import type { CommandContext } from '../shared/cli/spec.ts';
import { invocationOf } from '../shared/cli/usage-errors.ts';
import { isKafka, openEventLog, sameLogFlags } from '../shared/parts/open-log.ts';
import { openTracing } from '../shared/parts/open-tracing.ts';
import { type PublishedEvent, requireTopics, type TopicsByEventType, topicsOf } from './publish.ts';

export type ProducerContext = CommandContext<'event-producer'>;

/** A producer whose topics exist. The shutdown of the context closes its log. */
export interface ProducerSession {
  readonly producer: EventLogProducer;
  readonly topics: TopicsByEventType;
  readonly tracing: Tracing;
  /** The log that the events go to, in words for people. */
  readonly destination: string;
  /** Tells people how many events were published where, and what to start if nobody reads the log. */
  tellPublished(count: number, refused?: number): Promise<void>;
  /** Tells people what to start if nobody reads the log. */
  tellUnread(): Promise<void>;
}

/**
 * Opens the log that the settings choose, and makes sure that the topics exist. Missing topics are made on the embedded log.
 * On Kafka they are made only if `mayCreate` is true, because there an operator decides on the number of partitions.
 */
export async function openSession(
  context: ProducerContext,
  clock: Clock,
  mayCreate: boolean,
): Promise<ProducerSession> {
  const { settings, logger, shutdown } = context;
  const eventLog = await openEventLog(settings, clock, logger, { clientId: 'event-producer' });
  shutdown.defer('the event log', () => eventLog.close());
  const topics = topicsOf(settings);
  await requireTopics(eventLog, topics, {
    partitions: settings.partitions,
    mayCreate: mayCreate || !isKafka(settings),
    brokers: settings.kafkaBrokers,
  });
  const tracing = await openTracing(settings);
  const producer = eventLog.producer();
  shutdown.defer('the producer', () => producer.close());
  const destination = isKafka(settings)
    ? `Kafka at ${settings.kafkaBrokers.join(', ')}`
    : `the embedded log in ${resolve(settings.dataDirectory)}`;
  const tellPublished = async (count: number, refused?: number) => {
    if (context.isQuiet) return;
    const events = `${count} event${count === 1 ? '' : 's'}`;
    const rest = refused === undefined ? '' : `, ${refused} refused`;
    context.host.stderr.write(`${events} published to ${destination}${rest}\n`);
    if (count > 0) await tellUnread();
  };
  const tellUnread = async () => {
    if (context.isQuiet) return;
    const unread = unreadNote(await eventLog.readers([...topics.values()]), settings, context.host.env);
    if (unread !== null) context.host.stderr.write(`${unread}\n`);
  };
  return { producer, topics, tracing, destination, tellPublished, tellUnread };
}

/** A note that says what to start if nobody reads the log. Null if somebody reads it, or if that is unknown. */
function unreadNote(
  readers: Readers,
  settings: ProducerContext['settings'],
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  if (readers === 'now' || readers === 'unknown') return null;
  const flags = sameLogFlags(settings);
  const sync = [invocationOf('order-sync', env), ...flags].join(' ').replace(/ --$/, '');
  const start = ['npm start --', ...flags].join(' ').replace(/ --$/, '');
  const since =
    readers === 'never' ? 'no order-sync has ever read this log' : 'no order-sync reads this log now';
  return `note: ${since}. Start one on it: ${start} (with order-mgt), or: ${sync}`;
}

/** Writes the place of each event in the log: one line or one JSON object for each. */
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
