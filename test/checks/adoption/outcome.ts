/** Compares the result of `adopt` with the expected result of a table. Shares no code with the product. */

import type { Place, Row } from './place.ts';
import { type ExpectedRow, standardRows, type TableCase } from './table-case.ts';

/** The result of `order-sync adopt --json`. */
export interface Answer {
  readonly verdict: 'absent' | 'ours' | 'take' | 'refuse' | 'failed';
  /** All output of the command, as one text. */
  readonly said: string;
}

/** Lists the faults of a refusal: it changed the database, or its report lacks a word. */
export function faultsOfRefusal(
  { refused = [] }: TableCase,
  answer: Answer,
  before: string,
  after: string,
): { readonly isChanged: boolean; readonly faults: readonly string[] } {
  const faults = refused
    .filter((word) => !answer.said.replaceAll('\\"', '"').includes(word))
    .map((word) => `does not name ${word}`);
  return { isChanged: before !== after, faults };
}

/** Lists the faults of a takeover in the rows, the journal, the ledger and the kept original table. */
export async function faultsOfTaking(
  table: TableCase,
  place: Place,
  originalBefore: readonly Row[],
): Promise<readonly string[]> {
  const expected = table.expected ?? standardRows(table.ids);
  const faults: string[] = [];
  const rows = new Map(
    (
      await place.ask(
        'SELECT order_id, order_status, payment_status, review_status, ready_to_send, version FROM orders',
      )
    ).map((row) => [text(row.order_id), row]),
  );
  const journaled = new Map(
    (await place.ask('SELECT entity_id, COUNT(*) AS events FROM event_journal GROUP BY entity_id')).map(
      (row) => [text(row.entity_id), Number(row.events)],
    ),
  );
  const ledger = new Map(
    (await place.ask('SELECT entity_id, status FROM deliveries')).map((row) => [
      text(row.entity_id),
      text(row.status),
    ]),
  );
  if (rows.size !== expected.length) faults.push(`has ${rows.size} rows, not ${expected.length}`);
  for (const one of expected) {
    const row = rows.get(one.id);
    if (row === undefined) {
      faults.push(`lacks ${one.id}`);
      continue;
    }
    const events = Math.max(
      1,
      [one.order, one.payment, one.review].filter((status) => status !== null).length,
    );
    const found = [
      row.order_status,
      row.payment_status,
      row.review_status,
      Number(row.ready_to_send),
      Number(row.version),
      journaled.get(one.id),
      ledger.get(one.id) ?? null,
    ];
    const right = [one.order, one.payment, one.review, Number(isReady(one)), events, events, one.delivery];
    if (JSON.stringify(found) !== JSON.stringify(right))
      faults.push(`${one.id} is ${JSON.stringify(found)}, not ${JSON.stringify(right)}`);
  }
  const original = await place.ask('SELECT * FROM orders_original');
  if (shown(original) !== shown(originalBefore)) faults.push('changed the original table');
  return faults;
}

function isReady({ order, payment }: ExpectedRow): boolean {
  return (
    order === 'CREATED' && (payment === 'PAYMENT_AUTHORIZED' || payment === 'AUTHORIZATION_REVIEW_ACCEPTED')
  );
}

function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

function shown(rows: readonly Row[]): string {
  return rows
    .map((row) =>
      JSON.stringify(Object.values(row), (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    )
    .sort()
    .join('\n');
}
