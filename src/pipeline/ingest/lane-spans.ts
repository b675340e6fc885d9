import { TributaryError } from '../../core/errors.ts';
import type { TraceContext } from '../../core/trace-context.ts';
import type { FetchedRecords } from '../../ports/event-log.ts';
import { NO_TRACING, SPAN_LINKS_MAX, type SpanAttributes, type Tracing } from '../../ports/tracing.ts';
import type { Piece } from './pending.ts';

type TracedPiece = Pick<Piece<unknown>, 'topic' | 'partition' | 'consumed' | 'events'>;

/**
 * The spans of one lane: one for each topic of what it takes from the log, and one for each topic of a batch that it commits.
 * A batch belongs to the traces of many producers, so its span has links to them and a trace of its own.
 */
export class LaneSpans {
  readonly #tracing: Tracing;
  readonly #group: string;

  constructor(tracing: Tracing | undefined, group: string) {
    this.#tracing = tracing ?? NO_TRACING;
    this.#group = group;
  }

  /** Records that these records were taken. `beganAtMs` is when the lane asked for them. */
  polled(taken: readonly FetchedRecords[], beganAtMs: number): void {
    if (!this.#tracing.isOn || taken.length === 0) return;
    for (const [topic, fetched] of Map.groupBy(taken, (each) => each.topic)) {
      const count = fetched.reduce((sum, { records }) => sum + records.length, 0);
      const name = `poll ${topic}`;
      const attributes = this.#attributes(name, 'receive', fetched, count);
      this.#tracing.begin({ name, kind: 'client', parent: null, beganAtMs, attributes }).end(null);
    }
  }

  /** Does the work of a batch within its spans. Resolves and rejects as the work does; false means that it was fenced. */
  async processing(pieces: readonly TracedPiece[], work: () => Promise<boolean>): Promise<boolean> {
    if (!this.#tracing.isOn) return work();
    const spans = [...Map.groupBy(pieces, ({ topic }) => topic)].map(([topic, ofTopic]) =>
      this.#beginProcess(topic, ofTopic),
    );
    let errorType: string | null = 'defect';
    try {
      const isOwner = await work();
      errorType = isOwner ? null : 'fenced';
      return isOwner;
    } catch (error) {
      if (error instanceof TributaryError) errorType = error.code;
      throw error;
    } finally {
      for (const span of spans) span.end(errorType);
    }
  }

  #beginProcess(topic: string, pieces: readonly TracedPiece[]) {
    const count = pieces.reduce((sum, { consumed }) => sum + consumed, 0);
    const [event] = count === 1 ? pieces.flatMap(({ events }) => events) : [];
    const ofOne: SpanAttributes =
      event === undefined
        ? {}
        : {
            'messaging.message.id': event.eventId,
            'kafka.offset': Number(event.offset),
            'kafka.message.key': event.entityId,
          };
    const name = `process ${topic}`;
    return this.#tracing.begin({
      name,
      kind: 'consumer',
      parent: null,
      links: linksOf(pieces),
      attributes: { ...this.#attributes(name, null, pieces, count), ...ofOne },
    });
  }

  /** `name` is that of the span: the operation and the topic. `type` is null if it is the operation. */
  #attributes(
    name: string,
    type: string | null,
    parts: readonly { readonly partition: number }[],
    count: number,
  ): SpanAttributes {
    const [operation = '', topic = ''] = name.split(' ');
    const partitions = new Set(parts.map(({ partition }) => partition));
    const [only] = partitions.size === 1 ? partitions : [];
    return {
      'messaging.system.name': this.#tracing.messagingSystem,
      'messaging.operation.name': operation,
      'messaging.operation.type': type ?? operation,
      'messaging.destination.name': topic,
      'messaging.consumer.group.name': this.#group,
      'messaging.batch.message_count': count,
      ...(only === undefined ? {} : { 'messaging.destination.partition.id': String(only) }),
    };
  }
}

/** The traces of the first events that have one. Events that one producer sent in one span have the same trace. */
function linksOf(pieces: readonly TracedPiece[]): TraceContext[] {
  const links = new Map<string, TraceContext>();
  for (const { events } of pieces) {
    for (const { trace } of events) {
      if (trace === undefined) continue;
      links.set(trace.traceParent, trace);
      if (links.size === SPAN_LINKS_MAX) return [...links.values()];
    }
  }
  return [...links.values()];
}
