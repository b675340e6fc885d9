import { expect, it } from 'vitest';
import { diffJson, rowJson, whatIfJson } from '../../../src/apps/order-sync/ask-json.ts';
import { rowLine } from '../../../src/apps/order-sync/ask-text.ts';
import { textsOf } from '../../../src/apps/order-sync/export-text.ts';

const VIEW = {
  keyColumn: 'order_id',
  columns: [
    { name: 'total', type: 'decimal', precision: 6, scale: 2 },
    { name: 'paid_at', type: 'timestamp' },
    { name: 'address', type: 'json' },
  ],
} as const;
const ROW = ['12.30', '2026-11-30T07:46:58.500000Z', '{"city":"Oslo","n":12345678901234567890}'];
const DOMAIN = { idMember: 'orderId', view: VIEW };
const FOUND = { entityId: 'a', version: 2, row: ROW, waitsFor: null, lastArrivalMs: null };
const SHOWN =
  '{"total":"12.30","paid_at":"2026-11-30T07:46:58.500000Z","address":{"city":"Oslo","n":12345678901234567890}}';

it('the API shows a decimal and a moment as texts, and JSON as a value with every digit', () => {
  expect(JSON.stringify(rowJson(DOMAIN, FOUND))).toBe(
    `{"orderId":"a","version":2,"row":${SHOWN},"waitsFor":null,"lastJournaledAt":null}`,
  );
});

it('a column that changed is shown as JSON on both sides', () => {
  const side = { kind: 'state', row: ROW, isReady: true, events: [], deciders: [], lastVersion: 2 } as never;
  const columns = [{ column: 'address', from: null, to: ROW[2], decidedBy: null }] as never;
  const diff = { kind: 'diff', from: side, to: side, columns, added: [], removed: [] } as never;
  const now = { kind: 'now' } as const;
  const shown = diffJson(DOMAIN, 'a', [now, now], diff);
  const change = '{"column":"address","from":null,"to":{"city":"Oslo","n":12345678901234567890}';
  expect(JSON.stringify(shown)).toContain(`"columns":[${change},"decidedBy":null}]`);
  const outcome = {
    kind: 'changes',
    columns,
    after: side,
    before: null,
    dueTo: [],
    event: { occurredAtMs: 0 },
  } as never;
  expect(JSON.stringify(whatIfJson(DOMAIN, 'a', outcome))).toContain(`"columns":[${change}}]`);
});

it('an export has the texts in CSV, and the value in NDJSON', async () => {
  const none = (async function* () {})();
  const texts = async (format: 'csv' | 'ndjson') => {
    let all = '';
    for await (const text of textsOf(DOMAIN, format, [FOUND], none)) all += text;
    return all;
  };
  expect(await texts('csv')).toBe(
    'order_id,version,total,paid_at,address,waitsFor\r\n' +
      'a,2,12.30,2026-11-30T07:46:58.500000Z,"{""city"":""Oslo"",""n"":12345678901234567890}",\r\n',
  );
  expect(await texts('ndjson')).toContain(`"row":${SHOWN}`);
});

it('a line of text quotes what is no plain word', () => {
  expect(rowLine(VIEW, FOUND)).toBe(
    '"a"  version 2  total=12.30 paid_at=2026-11-30T07:46:58.500000Z ' +
      'address="{\\"city\\":\\"Oslo\\",\\"n\\":12345678901234567890}"',
  );
});
