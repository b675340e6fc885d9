import { createHash } from 'node:crypto';
import { compareUtf8 } from '../../core/text.ts';
import { ACCEPTED, type Check, SHOWN } from '../check.ts';
import { type Finding, fault, notChecked, pass } from '../faults.ts';
import { type Answer, describe, field } from '../http-client.ts';
import { differenceOf, type Probe, type State, stateIn } from '../probe.ts';

const LIST = 'list';
/** The rows of a page. There are few, so that the orders of one run need several pages. */
const PAGE_ROWS = 7;
/** The most pages. A run makes fewer orders, so a list with more pages never ends. */
const PAGES_MAX = 60;

/**
 * Checks the list and the digest by which a source compares its orders with the target's, if the target offers them. The
 * cursor is made of the last id, so these checks enter the list right before the orders of this run.
 */
export const reconciliationChecks: readonly Check[] = [
  // If the target changes or confuses ids, the list could only show the same fault again.
  {
    name: LIST,
    needs: [ACCEPTED, SHOWN, 'ids_special', 'ids_distinct', 'id_of_255_bytes'],
    run: checkList,
  },
  { name: 'digest', needs: [ACCEPTED, SHOWN, LIST], run: checkDigest },
];

async function checkList(probe: Probe): Promise<Finding> {
  const first = await probe.client.get(null, { limit: '1' });
  if (first.status !== 200 || pageOf(first) === null) return notChecked(`not offered: ${describe(first)}`);

  const rows: State[] = [];
  let after = cursorOf(probe.prefix);
  for (let pages = 0; ; pages++) {
    const page = pageOf(await probe.client.get(null, { limit: String(PAGE_ROWS), after }));
    if (page === null)
      return fault('list_paging_wrong', 'a page does not have the form {data, page: {next, hasMore}}');
    if (page.rows.length > PAGE_ROWS) {
      return fault('list_paging_wrong', `${page.rows.length} rows, though limit is ${PAGE_ROWS}`);
    }
    rows.push(...page.rows);
    const last = page.rows.at(-1);
    const isPast = last === undefined || !last.order_id.startsWith(probe.prefix);
    if (isPast || !page.hasMore) break;
    if (page.next !== cursorOf(last.order_id)) {
      return fault('list_paging_wrong', 'next is not base64url of the last id on the page');
    }
    if (pages === PAGES_MAX) return fault('list_paging_wrong', `no end after ${PAGES_MAX} pages`);
    after = page.next;
  }
  return judgeRows(probe, rows);
}

/** Whether the list has this order of the run. False if no list is offered. */
export async function isListed(probe: Probe, orderId: string): Promise<boolean> {
  const after = cursorOf(orderId.slice(0, -1));
  const page = pageOf(await probe.client.get(null, { limit: String(PAGE_ROWS), after }));
  return page?.rows.some((row) => row.order_id === orderId) === true;
}

async function judgeRows(probe: Probe, rows: readonly State[]): Promise<Finding> {
  for (const [index, row] of rows.entries()) {
    const before = index === 0 ? probe.prefix : (rows[index - 1] as State).order_id;
    if (compareUtf8(before, row.order_id) < 0) continue;
    return fault('list_sequence_wrong', `${JSON.stringify(row.order_id)} after ${JSON.stringify(before)}`);
  }
  const own = rows.filter((row) => row.order_id.startsWith(probe.prefix));
  const missing = [...probe.accepted].find((id) => !own.some((row) => row.order_id === id));
  if (missing !== undefined) return fault('list_incomplete', `${JSON.stringify(missing)} is not listed`);
  for (const row of probe.hasReadSide ? own : []) {
    const held = await probe.held(row.order_id);
    // A proxy that decodes paths hides such an order from GET, which `ids_special` reports.
    if (held.kind === 'absent' && /[/\\%]/.test(row.order_id)) continue;
    const difference = differenceOf(held, row);
    if (difference !== null) return fault('list_rows_differ', difference);
  }
  return pass(`${own.length} orders of this run, in the sequence of their ids`);
}

async function checkDigest(probe: Probe): Promise<Finding> {
  const after = cursorOf(probe.prefix);
  const rows: State[] = [];
  for (let last = after; rows.length < PAGE_ROWS * PAGES_MAX; ) {
    const page = pageOf(await probe.client.get(null, { limit: String(PAGE_ROWS), after: last }));
    const own = page?.rows.filter((row) => row.order_id.startsWith(probe.prefix)) ?? [];
    rows.push(...own);
    if (page === null || own.length < PAGE_ROWS || page.next === null) break;
    last = page.next;
  }
  if (rows.length === 0) return notChecked('there is no list to compare it with');
  const answer = await probe.client.get('digest', { limit: String(rows.length), after });
  const digest = field(answer.json, 'digest');
  if (answer.status !== 200 || typeof digest !== 'string')
    return notChecked(`not offered: ${describe(answer)}`);
  const expected = digestOf(rows);
  if (digest !== expected) return fault('digest_wrong', `${digest.slice(0, 64)}, not ${expected}`);
  const count = field(answer.json, 'count');
  const last = field(answer.json, 'last');
  return count === rows.length && last === rows.at(-1)?.order_id
    ? pass(`of ${rows.length} orders, as computed from the list`)
    : fault('digest_wrong', `the digest is right, but count or last is not: ${describe(answer)}`);
}

/** SHA-256 in hex, over one line of JSON for each row in the sequence of the ids' bytes. */
export function digestOf(rows: readonly State[]): string {
  const digest = createHash('sha256');
  for (const row of rows) {
    const { order_id, order_status, payment_status, review_status, ready_to_send, version } = row;
    const line = [order_id, order_status, payment_status, review_status, ready_to_send, version];
    digest.update(`${JSON.stringify(line)}\n`);
  }
  return digest.digest('hex');
}

interface Page {
  readonly rows: readonly State[];
  readonly next: string | null;
  readonly hasMore: boolean;
}

function pageOf(answer: Answer): Page | null {
  const data = field(answer.json, 'data');
  const page = field(answer.json, 'page');
  const hasMore = field(page, 'hasMore');
  const next = field(page, 'next') ?? null;
  if (!Array.isArray(data) || typeof hasMore !== 'boolean') return null;
  if (next !== null && typeof next !== 'string') return null;
  return data.every((row) => stateIn(row) !== null) ? { rows: data as State[], next, hasMore } : null;
}

function cursorOf(id: string): string {
  return Buffer.from(id).toString('base64url');
}
