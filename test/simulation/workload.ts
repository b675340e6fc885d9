import type { ViewRow } from '../../src/core/domain.ts';
import type { NewRecord } from '../../src/ports/event-log.ts';
import type { Chance } from './scheduler.ts';

export const MOVEMENTS = 'stock_movements';
export const COUNTS = 'stock_counts';

/** What a record says, as its writer knows it: nothing of the product is asked. */
export type Meaning =
  | { readonly kind: 'event'; readonly articleId: string; readonly body: string; readonly entry: StockEntry }
  | { readonly kind: 'broken' };

/** No two of one article have the same minute, so that the minute alone says what comes last. */
export interface StockEntry {
  readonly minute: number;
  readonly isCount: boolean;
  readonly quantity: number;
}

export interface Written {
  readonly record: NewRecord;
  readonly meaning: Meaning;
}

export interface WorkloadShape {
  readonly events: number;
  readonly articles: number;
  /** The part of all records that is another record once more. */
  readonly duplicates: number;
  /** The part of all records that no decoder can read. */
  readonly broken: number;
  /** How far, in records, an event may be written away from where its time would put it. */
  readonly disorder: number;
}

/** A stream of records about many articles: late, twice and broken ones among them. */
export function workload(chance: Chance, shape: WorkloadShape): Written[] {
  const minutes = new Map<number, number>();
  const written: Written[] = [];
  for (let count = 0; count < shape.events; count++) {
    // The smaller of two draws: some articles have many events, most have few.
    const article = Math.min(chance.integer(0, shape.articles - 1), chance.integer(0, shape.articles - 1));
    const minute = minutes.get(article) ?? 0;
    minutes.set(article, minute + 1);
    const isCount = chance.happens(0.3);
    // Three in ten events bear an id of their own; an id may stand twice, with other content.
    const eventId = chance.happens(0.3) ? `event-${minute >> 1}` : null;
    const entry = { minute, isCount, quantity: chance.integer(isCount ? 0 : -6, 12) };
    written.push(writtenOf(`article-${article}`, entry, eventId));
  }
  const moved = written.map((each, place) => ({ each, place: place + chance.number() * shape.disorder }));
  const stream = moved.sort((left, right) => left.place - right.place).map(({ each }) => each);
  const extra = Math.round(shape.events * shape.duplicates);
  for (let count = 0; count < extra; count++) {
    stream.splice(chance.integer(0, stream.length), 0, chance.pick(written));
  }
  const broken = Math.round(shape.events * shape.broken);
  for (let count = 0; count < broken; count++) {
    const { record } = chance.pick(written);
    const value = Buffer.from(`{"eventType": broken ${count}`);
    stream.splice(chance.integer(0, stream.length), 0, {
      record: { ...record, value },
      meaning: { kind: 'broken' },
    });
  }
  return stream;
}

/** One record about an article, and what it means. */
export function writtenOf(articleId: string, entry: StockEntry, eventId: string | null = null): Written {
  const { minute, isCount, quantity } = entry;
  const at = new Date(Date.UTC(2025, 3, 5) + minute * 60_000).toISOString();
  const eventType = isCount ? 'STOCK_COUNTED' : 'STOCK_MOVED';
  const body = JSON.stringify({
    eventType,
    articleId,
    quantity,
    at,
    ...(eventId === null ? {} : { eventId }),
  });
  return {
    record: {
      topic: isCount ? COUNTS : MOVEMENTS,
      key: Buffer.from(articleId),
      value: Buffer.from(body),
      headers: [],
    },
    meaning: { kind: 'event', articleId, body, entry },
  };
}

/** The row of an article, as one would work it out on paper. */
export function rowOf(entries: Iterable<StockEntry>): ViewRow {
  let onHand = 0;
  let sinceCount = 0;
  for (const entry of [...entries].sort((left, right) => left.minute - right.minute)) {
    onHand = entry.isCount ? entry.quantity : onHand + entry.quantity;
    sinceCount = entry.isCount ? 0 : sinceCount + 1;
  }
  return [onHand, sinceCount, onHand <= 10];
}
