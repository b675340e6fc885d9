/** What the programs left behind, held against the oracle. */

import { contentHashOf, type ExpectedOrder, identityOf, type Oracle } from '../oracle.ts';
import { canonicalJson, parseStrictJson } from './strict-json.ts';
import type { OrderRow, Tables } from './tables.ts';

export interface Comparison {
  /** Events that were published and are not in the journal. */
  lost: number;
  /** Journal rows that are there once more than they should, or should not be there at all. */
  duplicated: number;
  /** Orders whose row is missing, different in any of its five columns or its version, or should not be there. */
  divergent: number;
  /** Journal rows whose body is not the one that their content hash says. */
  bodies_different: number;
  /** Records in quarantine. */
  quarantined: number;
  /** Records that must be in quarantine. */
  malformed: number;
  /** Malformed records that are not in quarantine, and records in quarantine that are not malformed. */
  quarantine_different: number;
  /** The first of each, for people. */
  readonly examples: string[];
}

const EXAMPLES = 20;

/** Compares journal, view and quarantine; `malformed` are the places of the malformed records. */
export async function compareWithOracle(
  tables: Tables,
  oracle: Oracle,
  malformed: ReadonlySet<string>,
): Promise<Comparison> {
  const comparison: Comparison = {
    lost: 0,
    duplicated: 0,
    divergent: 0,
    bodies_different: 0,
    quarantined: 0,
    malformed: malformed.size,
    quarantine_different: 0,
    examples: [],
  };
  await compareJournal(tables, oracle, comparison);
  await compareView(tables, oracle, comparison);
  const quarantined = await tables.quarantine();
  comparison.quarantined = quarantined.size;
  for (const [place, reason] of quarantined) {
    if (malformed.has(place)) continue;
    comparison.quarantine_different++;
    example(comparison, `in quarantine without cause: ${place} (${reason})`);
  }
  for (const place of malformed) {
    if (quarantined.has(place)) continue;
    comparison.quarantine_different++;
    example(comparison, `malformed and not in quarantine: ${place}`);
  }
  return comparison;
}

async function compareJournal(tables: Tables, oracle: Oracle, comparison: Comparison): Promise<void> {
  const seen = new Set<string>();
  const baselines = new Map<string, number>();
  for await (const row of tables.journal()) {
    if (row.eventType !== 'ORDER' && row.eventType !== 'PAYMENT') {
      baselines.set(row.entityId, (baselines.get(row.entityId) ?? 0) + 1);
      continue;
    }
    if (contentHashOf(parseStrictJson(row.data)) !== row.contentHash) {
      comparison.bodies_different++;
      example(comparison, `another body than its hash says: ${name(row.entityId)} ${row.data}`);
    }
    const expected = oracle.identities(row.entityId);
    const given = identityOf(row.eventId, row.contentHash);
    const identity = expected.has(given) ? given : identityOf(null, row.contentHash);
    const key = `${row.entityId}\0${identity}`;
    if (!expected.has(identity) || seen.has(key)) {
      comparison.duplicated++;
      example(
        comparison,
        `once too often: ${name(row.entityId)} ${row.eventId} ${row.topic}/${row.partition}@${row.offset}`,
      );
    } else {
      seen.add(key);
    }
  }
  comparison.lost = oracle.identityCount - seen.size;
  for (const { orderId } of oracle.expectedOrders()) {
    const missing = [...oracle.identities(orderId)].filter(
      (identity) => !seen.has(`${orderId}\0${identity}`),
    );
    for (const identity of missing) example(comparison, `lost: ${name(orderId)} ${identity}`);
    const surplus = (baselines.get(orderId) ?? 0) - oracle.baselineCount(orderId);
    if (surplus > 0) comparison.duplicated += surplus;
    if (surplus < 0) comparison.lost -= surplus;
    if (surplus !== 0) example(comparison, `${surplus} baseline events too many: ${name(orderId)}`);
  }
}

async function compareView(tables: Tables, oracle: Oracle, comparison: Comparison): Promise<void> {
  const seen = new Set<string>();
  for await (const row of tables.orders()) {
    const expected = oracle.expectedOrder(row.orderId);
    if (
      expected !== undefined &&
      !seen.has(row.orderId) &&
      isSameRow(row, expected) &&
      row.version === expected.version
    ) {
      seen.add(row.orderId);
      continue;
    }
    comparison.divergent++;
    seen.add(row.orderId);
    example(comparison, `divergent: ${JSON.stringify(row)}, expected ${JSON.stringify(expected)}`);
  }
  for (const { orderId } of oracle.expectedOrders()) {
    if (seen.has(orderId)) continue;
    comparison.divergent++;
    example(comparison, `no row: ${name(orderId)}`);
  }
}

/** Whether the five columns of the original are equal. */
export function isSameRow(row: Omit<OrderRow, 'version'>, expected: ExpectedOrder): boolean {
  return (
    row.orderStatus === expected.orderStatus &&
    row.paymentStatus === expected.paymentStatus &&
    row.reviewStatus === expected.reviewStatus &&
    row.readyToSend === expected.readyToSend
  );
}

export interface TargetComparison {
  /** Orders that the target lacks or holds in another state than the view's. */
  readonly target_different: number;
  /** Orders that the target holds. */
  readonly target_orders: number;
  readonly examples: string[];
  /** The first orders that differ. */
  readonly differentIds: readonly string[];
}

/**
 * Every order that is ready must be at the target, and whatever is at the target must be in its last state. The
 * target may hold a version below the view's: an event that changes no column makes no delivery due. `sent` are
 * orders that were sent before, by another program: the target has them, and this one does not know of it.
 */
export async function compareTarget(
  target: Tables,
  oracle: Oracle,
  sent: ReadonlySet<string> = new Set(),
): Promise<TargetComparison> {
  const held = new Set<string>();
  const examples: string[] = [];
  let different = 0;
  const differentIds: string[] = [];
  const differs = (orderId: string, line: string) => {
    different++;
    if (differentIds.length < EXAMPLES) differentIds.push(orderId);
    if (examples.length < EXAMPLES) examples.push(line);
  };
  for await (const row of target.orders()) {
    held.add(row.orderId);
    const expected = oracle.expectedOrder(row.orderId);
    if (expected === undefined || !isSameRow(row, expected) || row.version > expected.version) {
      differs(row.orderId, `the target holds ${JSON.stringify(row)}, expected ${JSON.stringify(expected)}`);
    }
  }
  for (const expected of oracle.expectedOrders()) {
    const isMissing = expected.readyToSend && !held.has(expected.orderId) && !sent.has(expected.orderId);
    if (isMissing) differs(expected.orderId, `the target lacks ${name(expected.orderId)}`);
  }
  return { target_different: different, target_orders: held.size, examples, differentIds };
}

function example(comparison: Comparison, line: string): void {
  if (comparison.examples.length < EXAMPLES) comparison.examples.push(line);
}

function name(orderId: string): string {
  return canonicalJson(orderId);
}
