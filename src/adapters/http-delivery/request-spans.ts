import type { TraceContext } from '../../core/trace-context.ts';
import type { Delivery, DeliveryOutcome } from '../../ports/delivery-target.ts';
import {
  NO_TRACING,
  SPAN_LINKS_MAX,
  type Span,
  type SpanAttributes,
  type Tracing,
} from '../../ports/tracing.ts';
import { freshTraceparent } from './traceparent.ts';

/** The trace of one request: the headers that carry it, and its span if spans are recorded. */
export interface RequestTrace {
  /** Names and values by turns, as undici takes them. */
  readonly headers: readonly string[];
  end(outcome: DeliveryOutcome): void;
}

/**
 * Traces the requests to one target.
 *
 * - A request with one state continues the trace of the event that made the state due. Without a span it carries that trace
 *   unchanged, so that the target's span is a child of the producer's.
 * - A request with several states has a trace of its own, with links to those of its states; each state carries its own in the
 *   body.
 * - A state without a trace gets a new one, which is marked as not recorded if there is no span.
 */
export class RequestSpans {
  readonly #tracing: Tracing;
  readonly #attributes: SpanAttributes;

  constructor(url: URL, tracing: Tracing = NO_TRACING) {
    this.#tracing = tracing;
    this.#attributes = {
      'http.request.method': 'POST',
      // Without user and password, and without the query, which may hold a key.
      'url.full': `${url.origin}${url.pathname}`,
      'server.address': url.hostname,
      'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    };
  }

  begin(deliveries: readonly Delivery[]): RequestTrace {
    const only = deliveries.length === 1 ? deliveries[0] : undefined;
    const own = only?.trace;
    if (!this.#tracing.isOn) return { headers: headersOf(own), end: NOTHING };
    const span = this.#begin(deliveries, only);
    return { headers: headersOf(span.context ?? own), end: (outcome) => endBy(span, outcome) };
  }

  #begin(deliveries: readonly Delivery[], only: Delivery | undefined): Span {
    if (only === undefined) {
      const links = deliveries.flatMap(({ trace }) => trace ?? []).slice(0, SPAN_LINKS_MAX);
      return this.#tracing.begin({
        name: 'POST',
        kind: 'client',
        parent: null,
        links,
        attributes: { ...this.#attributes, 'tributary.delivery_batch.size': deliveries.length },
      });
    }
    const { trace, attempt, deliveryId } = only;
    const resent = attempt > 1 ? { 'http.request.resend_count': attempt - 1 } : {};
    return this.#tracing.begin({
      name: 'POST',
      kind: 'client',
      parent: trace ?? null,
      attributes: { ...this.#attributes, 'tributary.delivery.id': deliveryId, ...resent },
    });
  }
}

const NOTHING = () => {};

function headersOf(context: TraceContext | undefined): readonly string[] {
  if (context === undefined) return ['traceparent', freshTraceparent()];
  const { traceParent, traceState } = context;
  return traceState === undefined
    ? ['traceparent', traceParent]
    : ['traceparent', traceParent, 'tracestate', traceState];
}

function endBy(span: Span, { verdict, status, defect }: DeliveryOutcome): void {
  const answered = status === null ? {} : { 'http.response.status_code': status };
  if (verdict === 'delivered') span.end(null, answered);
  else if (defect !== undefined) span.end('defect', answered);
  else if (status === null) span.end('no_answer');
  // A 2xx that does not count, because it broke off or names another delivery.
  else span.end(status < 300 ? 'answer_not_believed' : String(status), answered);
}
