import type { JsonObject } from '../../core/domain.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog, EventLogProducer } from '../../ports/event-log.ts';
import type { Tracing } from '../../ports/tracing.ts';
import type { EventBody } from '../event-producer/codes.ts';
import {
  type OutgoingEvent,
  type PublishedEvent,
  publish,
  type TopicsByEventType,
  toOutgoing,
} from '../event-producer/publish.ts';
import { type ProblemItem, validationProblem } from '../shared/http/problem.ts';
import { compileBody } from '../shared/http/validation.ts';
import type { AnyDecoder } from './decoder-of.ts';
import type { KnownEventType } from './event-types.ts';

/** An event that somebody tries. */
export interface TriedEvent {
  readonly eventType: string;
  /** The body. An `eventType` that it lacks is added. */
  readonly body: JsonObject;
  /** Default: the `eventId` of the body, else a new one. */
  readonly eventId?: string;
  /** The key of the record. Default: the order id. */
  readonly key?: string;
}

/** Either all events are published, or none because these are wrong. */
export type TrialOutcome =
  | { readonly kind: 'published'; readonly published: readonly PublishedEvent[] }
  | { readonly kind: 'refused'; readonly errors: readonly ProblemItem[] };

export interface TrialParts {
  readonly log: EventLog;
  readonly clock: Pick<Clock, 'uuid'>;
  readonly tracing: Tracing;
  /** Judges the events as it judges them when they come back from the log. */
  readonly decoder: AnyDecoder;
  readonly eventTypes: readonly KnownEventType[];
}

const SOURCE = '/tributary/try';

/** Publishes events that somebody tries, as event-producer publishes its own. */
export class Trial {
  readonly #parts: TrialParts;
  readonly #topics: TopicsByEventType;
  #producer: EventLogProducer | null = null;

  constructor(parts: TrialParts) {
    this.#parts = parts;
    this.#topics = new Map(parts.eventTypes.map(({ eventType, topic }) => [eventType, topic]));
  }

  /** Publishes all events, or none if one of them is wrong. Rejects as `EventLogProducer.append` does. */
  async publish(events: readonly TriedEvent[]): Promise<TrialOutcome> {
    const outgoing: OutgoingEvent[] = [];
    const errors: ProblemItem[] = [];
    for (const [index, event] of events.entries()) {
      const read = this.#read(event, `/events/${index}`);
      if ('errors' in read) errors.push(...read.errors);
      else outgoing.push(read.outgoing);
    }
    if (errors.length > 0) return { kind: 'refused', errors };
    const { log, tracing } = this.#parts;
    this.#producer ??= log.producer();
    return { kind: 'published', published: await publish(this.#producer, outgoing, tracing) };
  }

  /** Waits for what is being published. May be called twice. */
  async close(): Promise<void> {
    await this.#producer?.close();
  }

  #read(
    { eventType, body: given, eventId, key }: TriedEvent,
    pointer: string,
  ): { readonly outgoing: OutgoingEvent } | { readonly errors: readonly ProblemItem[] } {
    const { eventTypes, decoder, clock } = this.#parts;
    const known = eventTypes.find((each) => each.eventType === eventType);
    if (known === undefined) {
      const detail = `is no event type; the event types are ${eventTypes.map((each) => each.eventType).join(', ')}`;
      return { errors: [{ pointer: `${pointer}/eventType`, detail }] };
    }
    const body = Object.hasOwn(given, 'eventType') ? given : { eventType, ...given };
    const validate = compileBody(known.schema);
    if (!validate(body)) {
      const { errors } = validationProblem(validate.errors);
      return { errors: errors.map((error) => ({ ...error, pointer: `${pointer}/body${error.pointer}` })) };
    }
    const ownId = typeof body.eventId === 'string' ? body.eventId : undefined;
    const outgoing = toOutgoing(body as EventBody, {
      eventId: eventId ?? ownId ?? clock.uuid(),
      source: SOURCE,
      topics: this.#topics,
    });
    const record = { ...outgoing.record, ...(key === undefined ? {} : { key: Buffer.from(key) }) };
    const place = { topic: record.topic, partition: 0 };
    const decoded = decoder.decode({ ...record, offset: 0n, timestampMs: 0 }, place, 0);
    if (decoded.kind === 'rejected') return { errors: [{ pointer, detail: decoded.record.detail }] };
    return { outgoing: { ...outgoing, record } };
  }
}
