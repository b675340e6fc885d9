import type { Domain, JsonObject, ViewRow } from '../core/domain.ts';
import { type Folding, historyOf } from '../core/fold.ts';
import { compareSequence } from '../core/sequence.ts';
import { createDecoder, type Decoded, type DecodedEvent, type Decoder } from '../pipeline/decode/decoder.ts';
import { copied } from './frozen.ts';

/** A sample: a body, and the event that the domain's decoder makes of it. */
export interface Sample {
  readonly body: JsonObject;
  readonly event: DecodedEvent<unknown>;
}

/** A domain under test, with the engine's own decoder and fold. */
export class Subject {
  readonly domain: Domain<unknown, unknown>;
  readonly decoder: Decoder<unknown>;

  constructor(domain: Domain<unknown, unknown>) {
    this.domain = domain;
    const topics = Object.values(domain.eventTypes).map(({ topic }) => [topic, topic]);
    this.decoder = createDecoder(domain, { topicNames: Object.fromEntries(topics) });
  }

  /** The field of the body with the entity's id. */
  idFieldOf(body: JsonObject): string {
    return this.domain.eventTypes[String(body.eventType)]?.entityIdField ?? '';
  }

  decode(body: JsonObject): Decoded<unknown> {
    const topic = this.domain.eventTypes[String(body.eventType)]?.topic ?? '';
    const record = {
      key: Buffer.from(String(body[this.idFieldOf(body)] ?? '')),
      value: Buffer.from(JSON.stringify(body)),
      headers: [],
      offset: 0n,
      timestampMs: 0,
    };
    return this.decoder.decode(record, { topic, partition: 0 }, 0);
  }

  /** The sample of a body; null if the domain refuses it. */
  sampleOf(body: JsonObject): Sample | null {
    const decoded = this.decode(body);
    return decoded.kind === 'event' ? { body, event: decoded.event } : null;
  }

  /** The same events as those of another entity, read anew. Each keeps its identity, and so its place in the sequence. */
  renamed(samples: readonly Sample[], id: string): Sample[] {
    return samples.flatMap((sample) => {
      const read = this.sampleOf({ ...sample.body, [this.idFieldOf(sample.body)]: id });
      if (read === null) return [];
      const { eventId, contentHash } = sample.event;
      return [{ body: read.body, event: { ...read.event, eventId, contentHash } }];
    });
  }

  /** The fold, begun with a copy of the first state: an evolve that changes its state must not spoil other tests. */
  get folding(): Folding<unknown, unknown> {
    const { domain } = this;
    return {
      initialState: copied(domain.initialState),
      evolve: (state, event) => domain.evolve(state, event),
    };
  }

  stateOf(samples: readonly Sample[]): unknown {
    return historyOf(
      this.folding,
      samples.map(({ event }) => event),
    ).state;
  }

  shown(state: unknown): Shown {
    const { view } = this.domain;
    return { row: view.row(state), isReady: view.isReady(state) };
  }
}

/** What people and targets see of a state. */
export interface Shown {
  readonly row: ViewRow;
  readonly isReady: boolean;
}

/** The samples in canonical sequence. */
export function inSequence(samples: readonly Sample[]): Sample[] {
  return [...samples].sort((left, right) => compareSequence(left.event, right.event));
}
