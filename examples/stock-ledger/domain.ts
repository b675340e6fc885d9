import { defineDomain } from '../../src/public/index.ts';

const quantity = { type: 'integer', minimum: -1_000_000, maximum: 1_000_000 } as const;
const required = ['quantity'] as const;
const counted = { properties: { quantity: { ...quantity, minimum: 0 } }, required } as const;
const FULL = { waitsFor: null, because: 'more than 10 pieces are on hand', missing: 'it waits for no event' };

/** The stock of articles. A count makes all earlier movements irrelevant, so the fold does not commute. */
export const stockLedger = defineDomain({
  name: 'stock_ledger',
  noun: 'article',
  entityIdField: 'articleId',
  occurredAtField: 'at',
  events: {
    STOCK_MOVED: { topic: 'stock_movements', schema: { properties: { quantity }, required } },
    STOCK_COUNTED: { topic: 'stock_counts', schema: counted, cautionRank: 1 },
  },
  initialState: { onHand: 0, movementsSinceCount: 0 },
  evolve: {
    STOCK_MOVED: ({ onHand, movementsSinceCount: movements }, moved) => ({
      onHand: onHand + moved.quantity,
      movementsSinceCount: movements + 1,
    }),
    STOCK_COUNTED: (_, count) => ({ onHand: count.quantity, movementsSinceCount: 0 }),
  },
  view: {
    table: 'stock',
    keyColumn: 'article_id',
    columns: [
      { name: 'on_hand', type: 'integer' },
      { name: 'movements_since_count', type: 'integer' },
      { name: 'has_run_low', type: 'boolean' },
    ],
    row: (stock) => [stock.onHand, stock.movementsSinceCount, stock.onHand <= 10],
    isReady: ({ onHand }) => onHand <= 10,
    readyColumn: 'has_run_low',
    whyNotReady: ([, , isLow]) => (isLow === true ? null : { ...FULL, column: 'has_run_low' }),
  },
});
