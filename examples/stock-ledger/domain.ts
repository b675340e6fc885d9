/**
 * How much of each article is in stock: a second domain on the same engine.
 *
 * Goods move in and out (`STOCK_MOVED`, a difference), and now and then somebody counts what is on the shelf
 * (`STOCK_COUNTED`, the truth at that moment). A count makes everything before it irrelevant, so the fold does
 * not commute: a movement that is folded on the wrong side of a count is a wrong stock for ever. Events that
 * arrive late or twice are put right by the engine, and nothing here has to think of them.
 *
 * An article has no stages of life: every event is at stage 1, so that the moment decides, or the source's own
 * `revision` if it gives one. At the same moment the count comes last. What is delivered to the target are
 * articles that have run low, and after that every change of theirs.
 *
 * To make a domain of your own: say which events there are (topic, JSON Schema, which fields hold the id and
 * the moment), how one more event changes the state, and which columns show it. There is no more to it.
 */
import type { Domain, EventType, JsonObject } from '../../src/core/domain.ts';

export type StockEvent =
  | { readonly kind: 'moved'; readonly quantity: number }
  | { readonly kind: 'counted'; readonly quantity: number };

export interface StockState {
  readonly onHand: number;
  /** How many movements there were since the last count: each of them may have been booked wrongly. */
  readonly movementsSinceCount: number;
}

/** With so many left or fewer, an article has run low. */
const REORDER_LEVEL = 10;

const quantity = { type: 'integer', minimum: -1_000_000, maximum: 1_000_000 };

function stockEventType(eventType: string, topic: string, kind: StockEvent['kind']): EventType<StockEvent> {
  return {
    topic,
    schema: {
      type: 'object',
      required: ['eventType', 'articleId', 'quantity', 'at'],
      properties: {
        eventType: { const: eventType },
        articleId: { type: 'string' },
        quantity: kind === 'counted' ? { ...quantity, minimum: 0 } : quantity,
        at: { type: 'string' },
      },
    },
    entityIdField: 'articleId',
    occurredAtField: 'at',
    meaningfulFields: ['articleId', 'quantity', 'at', 'revision'],
    toEvent: (body: JsonObject) => ({ kind, quantity: body.quantity as number }),
    stage: () => 1,
    cautionRank: () => (kind === 'counted' ? 1 : 0),
  };
}

export const stockLedger: Domain<StockState, StockEvent> = {
  name: 'stock_ledger',
  eventTypes: {
    STOCK_MOVED: stockEventType('STOCK_MOVED', 'stock_movements', 'moved'),
    STOCK_COUNTED: stockEventType('STOCK_COUNTED', 'stock_counts', 'counted'),
  },
  initialState: { onHand: 0, movementsSinceCount: 0 },
  evolve(state, event) {
    if (event.kind === 'counted') return { onHand: event.quantity, movementsSinceCount: 0 };
    return { onHand: state.onHand + event.quantity, movementsSinceCount: state.movementsSinceCount + 1 };
  },
  view: {
    table: 'stock',
    keyColumn: 'article_id',
    columns: [
      { name: 'on_hand', type: 'integer' },
      { name: 'movements_since_count', type: 'integer' },
      { name: 'has_run_low', type: 'boolean' },
    ],
    row: (state) => [state.onHand, state.movementsSinceCount, state.onHand <= REORDER_LEVEL],
    isReady: (state) => state.onHand <= REORDER_LEVEL,
  },
};
