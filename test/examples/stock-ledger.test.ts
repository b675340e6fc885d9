import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../examples/stock-ledger/domain.ts';
import { emptyHistory, historyOf, merge, type Sequenced } from '../../src/core/fold.ts';
import { createDecoder } from '../../src/pipeline/decode/decoder.ts';
import type { StockEvent, StockState } from '../helpers/stock-types.ts';

const decoder = createDecoder(stockLedger, {
  topicNames: { stock_movements: 'stock_movements', stock_counts: 'stock_counts' },
});

interface Entry {
  readonly eventType: 'STOCK_MOVED' | 'STOCK_COUNTED';
  readonly quantity: number;
  readonly minute: number;
  readonly revision?: number;
}

function decodeEntry({ eventType, quantity, minute, revision }: Entry) {
  const at = new Date(Date.UTC(2025, 3, 5) + minute * 60_000).toISOString();
  const body = {
    eventType,
    articleId: 'bolt-m8',
    quantity,
    at,
    ...(revision === undefined ? {} : { revision }),
  };
  const record = {
    offset: 0n,
    timestampMs: 0,
    key: Buffer.from('bolt-m8'),
    value: Buffer.from(JSON.stringify(body)),
    headers: [],
  };
  const topic = eventType === 'STOCK_MOVED' ? 'stock_movements' : 'stock_counts';
  return decoder.decode(record, { topic, partition: 0 }, 0);
}

function eventOf(entry: Entry): Sequenced<StockEvent> {
  const decoded = decodeEntry(entry);
  if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
  return decoded.event;
}

const moved = (minute: number, quantity: number): Entry => ({ eventType: 'STOCK_MOVED', quantity, minute });
const counted = (minute: number, quantity: number): Entry => ({
  eventType: 'STOCK_COUNTED',
  quantity,
  minute,
});
const rowOf = (entries: readonly Entry[]) =>
  stockLedger.view.row(historyOf<StockState, StockEvent>(stockLedger, entries.map(eventOf)).state);

describe('the stock ledger', () => {
  it('adds up movements, and starts again from each count', () => {
    expect(rowOf([moved(1, 100), moved(2, -30)])).toEqual([70, 2, false]);
    expect(rowOf([moved(1, 100), moved(2, -30), counted(3, 65), moved(4, -60)])).toEqual([5, 1, true]);
  });

  it('folds a late movement before the later count that arrived first', () => {
    expect(rowOf([counted(3, 65), moved(1, 100), moved(4, -5), moved(2, -30)])).toEqual([60, 1, false]);
  });

  it('folds the count last when a movement has the same moment', () => {
    expect(rowOf([counted(1, 50), moved(1, 7)])).toEqual([50, 0, false]);
  });

  it('gives another stock when a movement and a count change places', () => {
    const fold = (events: readonly StockEvent[]) =>
      events.reduce(stockLedger.evolve, stockLedger.initialState).onHand;
    const [movement, count] = [eventOf(moved(1, 7)).event, eventOf(counted(2, 50)).event];
    expect(fold([movement, count])).not.toBe(fold([count, movement]));
  });

  it('gives the same history for every sequence of arrival, repetition and batch size', () => {
    const entry: fc.Arbitrary<Entry> = fc.record({
      eventType: fc.constantFrom('STOCK_MOVED', 'STOCK_COUNTED'),
      quantity: fc.integer({ min: 0, max: 50 }),
      minute: fc.nat(5),
    });
    const revised = fc
      .tuple(entry, fc.integer({ min: 1, max: 4 }))
      .map(([given, revision]) => ({ ...given, revision }));
    const arrivals = fc
      .array(fc.oneof(entry, revised), { minLength: 1, maxLength: 12, size: 'max' })
      .chain((entries) => {
        const twice = [...entries, ...entries];
        const shuffled = fc.shuffledSubarray(twice, { minLength: twice.length, maxLength: twice.length });
        return fc.tuple(fc.constant(entries), shuffled, fc.integer({ min: 1, max: 5 }));
      });
    fc.assert(
      fc.property(arrivals, ([entries, shuffled, batchSize]) => {
        let history = emptyHistory<StockState, StockEvent>(stockLedger);
        for (let start = 0; start < shuffled.length; start += batchSize) {
          const batch = shuffled.slice(start, start + batchSize).map(eventOf);
          history = merge<StockState, StockEvent, Sequenced<StockEvent>>(stockLedger, history, batch).history;
        }
        expect(history).toEqual(historyOf<StockState, StockEvent>(stockLedger, entries.map(eventOf)));
      }),
    );
  });

  it('quarantines negative counts, fractions and quantities above a million', () => {
    const reasonOf = (entry: Entry) => {
      const decoded = decodeEntry(entry);
      return decoded.kind === 'rejected' ? decoded.record.reason : 'accepted';
    };
    expect(reasonOf(counted(1, -1))).toBe('schema_invalid');
    expect(reasonOf(moved(1, 1.5))).toBe('field_type_wrong');
    expect(reasonOf(moved(1, 2_000_000))).toBe('schema_invalid');
    expect(reasonOf(moved(1, -1))).toBe('accepted');
  });

  it('says why an article is not ready, for explanations', () => {
    const whyNot = (entries: readonly Entry[]) => stockLedger.view.whyNotReady?.(rowOf(entries));
    expect(whyNot([moved(1, 5)])).toBeNull();
    expect(whyNot([moved(1, 100)])).toMatchObject({
      waitsFor: null,
      because: 'more than 10 pieces are on hand',
    });
  });
});
