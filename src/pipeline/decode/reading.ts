import type { TopicPartition } from '../../core/offset.ts';
import type { TraceContext } from '../../core/trace-context.ts';
import type { EventFields } from '../../ports/packed-event.ts';
import { hexOf } from './bytes.ts';
import type { DecodedEvent } from './decoder.ts';

/** What was read of the last record. One object serves all of a decoder's records. */
export class Reading<Event> implements EventFields {
  entityId = '';
  eventId = '';
  hash = '';
  position = 0;
  occurredAtMs = 0;
  cautionRank = 0;
  eventType = '';
  hasRevision = false;
  offset = 0n;
  body: Uint8Array | string = '';
  text = '';
  trace: TraceContext | null = null;
  event!: Event;

  /** Copies it into an event. */
  eventOf({ topic, partition }: TopicPartition, observedAtMs: number): DecodedEvent<Event> {
    const decoded: DecodedEvent<Event> = {
      entityId: this.entityId,
      eventId: this.eventId,
      contentHash: hexOf(this.hash),
      position: this.position,
      occurredAtMs: this.occurredAtMs,
      cautionRank: this.cautionRank,
      eventType: this.eventType,
      revision: this.hasRevision ? this.position : null,
      observedAtMs,
      topic,
      partition,
      offset: this.offset,
      data: this.text,
      event: this.event,
    };
    return this.trace === null ? decoded : { ...decoded, trace: this.trace };
  }
}
