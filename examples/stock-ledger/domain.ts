/**
 * The stock of each article: a second domain on the same engine.
 *
 * `STOCK_MOVED` says by how much the stock of an article changed. `STOCK_COUNTED` says how many pieces somebody counted
 * on the shelf. A count makes all earlier movements irrelevant, so the fold does not commute: a movement that is folded
 * on the wrong side of a count makes the stock wrong for ever. The engine puts late and repeated events in their place,
 * so this file does not handle them.
 *
 * An article has no stages of life, so every event is at stage 1. Events are sorted by their moment, or by the source's
 * own `revision` if it gives one. At the same moment the count comes last. The target gets an article when its stock
 * runs low, and every later change of that article.
 *
 * A domain of your own says three things: its events (topic, JSON Schema, the fields with the id and the moment), how
 * one more event changes the state, and which columns show the state.
 */
import type { Domain, EventType, JsonObject, NotReady } from '../../src/core/domain.ts';

export type StockEvent =
  | { readonly kind: 'moved'; readonly quantity: number }
  | { readonly kind: 'counted'; readonly quantity: number };

export interface StockState {
  readonly onHand: number;
  /** Counts the movements since the last count. Each of them may have been booked wrongly. */
  readonly movementsSinceCount: number;
}

/** An article has run low when at most 10 pieces are left. */
const REORDER_LEVEL = 10;

/** What an explanation says of an article that the target does not get. */
const ENOUGH_ON_HAND: NotReady = {
  waitsFor: null,
  column: 'has_run_low',
  because: `more than ${REORDER_LEVEL} pieces are on hand`,
  missing: 'it waits for no event',
};

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
  noun: 'article',
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
    readyColumn: 'has_run_low',
    whyNotReady: ([, , hasRunLow]) => (hasRunLow === true ? null : ENOUGH_ON_HAND),
  },
};
