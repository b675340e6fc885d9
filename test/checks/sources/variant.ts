import type { Stage } from './stage.ts';

/** The topics of a variant, by the kind of their events. Both kinds may come on one topic. */
export type Topics = Readonly<Record<'order' | 'payment', string>>;

/** An event that order-sync has to make of a record. */
export interface ExpectedEvent {
  readonly topic: keyof Topics;
  readonly orderId: string;
  /** The event's id beside the body; null if it has none there. */
  readonly id: string | null;
  /** The body as JSON. */
  readonly body: string;
}

/** What a publisher has put on its topics. */
export interface Published {
  readonly topics: Topics;
  /** The number of partitions of each topic. Default: 1. */
  readonly partitions?: number;
  readonly events: readonly ExpectedEvent[];
  /** The records that no settings make events of, by the reason for which quarantine must hold them. */
  readonly refused?: Readonly<Record<string, number>>;
  /** The settings that no look at records finds, for inspect and order-sync alike. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What has to run for a publisher, besides Kafka. */
export type Need = 'connect' | 'registry' | 'kcat';

/** A way in which people publish their events. */
export interface Variant {
  readonly name: string;
  readonly needs: readonly Need[];
  /** What inspect has to say of the records. */
  readonly form: RegExp;
  /** Begins what has to run before the application writes the second half of its events. */
  prepare?(stage: Stage): Promise<void>;
  publish(stage: Stage): Promise<Published>;
}
