import { type TopicSettings, topicNamesOf } from '../shared/settings/synced.ts';

/** A type of events that this program understands. It is plain JSON. */
export interface KnownEventType {
  readonly eventType: string;
  /** The actual name of its topic. */
  readonly topic: string;
  /** The JSON Schema of the body. */
  readonly schema: object;
}

/** The types of the domain's events on the topics of these settings. */
export function knownEventTypes(settings: TopicSettings): KnownEventType[] {
  const names = topicNamesOf(settings);
  return Object.entries(settings.synced.domain.eventTypes).map(([eventType, { topic, schema }]) => ({
    eventType,
    topic: names[topic] ?? topic,
    schema,
  }));
}
