/** Compares the tables of the programs with the oracle. */

import { contentHashOf, type ExpectedOrder, identityOf, type Oracle } from '../oracle.ts';
import { canonicalJson, parseStrictJson } from './strict-json.ts';
import type { OrderRow, Tables } from './tables.ts';

export interface Comparison {
  /** The number of published events that the journal lacks. */
  lost: number;
  /** The number of surplus journal rows: repeated events, and events that nobody published. */
  duplicated: number;
  /** The number of orders whose row is missing, unexpected, or different in one of its five columns or its version. */
  divergent: number;
  /** The number of journal rows whose body does not have their content hash. */
  bodies_different: number;
  /** The number of records in quarantine. */
  quarantined: number;
  /** The number of records that must be in quarantine. */
  malformed: number;
  /** The number of malformed records that are not in quarantine, plus that of good records in quarantine. */
  quarantine_different: number;
  /** The first faults, as sentences. */
  readonly examples: string[];
}

const EXAMPLES = 20;

/** Compares journal, view and quarantine with the oracle. `malformed` has the places of the malformed records. */
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
    example(comparison, `a good record is in quarantine: ${place} (${reason})`);
  }
  for (const place of malformed) {
    if (quarantined.has(place)) continue;
    comparison.quarantine_different++;
    example(comparison, `a malformed record is not in quarantine: ${place}`);
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
      example(comparison, `a body does not have its content hash: ${name(row.entityId)} ${row.data}`);
    }
    const expected = oracle.identities(row.entityId);
    const given = identityOf(row.eventId, row.contentHash);
    const identity = expected.has(given) ? given : identityOf(null, row.contentHash);
    const key = `${row.entityId}\0${identity}`;
    if (!expected.has(identity) || seen.has(key)) {
      comparison.duplicated++;
      example(
        comparison,
        `duplicated: ${name(row.entityId)} ${row.eventId} ${row.topic}/${row.partition}@${row.offset}`,
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
    if (surplus !== 0) example(comparison, `${surplus} surplus baseline events: ${name(orderId)}`);
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

/** Tells whether the five columns of the original are equal. */
export function isSameRow(row: Omit<OrderRow, 'version'>, expected: ExpectedOrder): boolean {
  return (
    row.orderStatus === expected.orderStatus &&
    row.paymentStatus === expected.paymentStatus &&
    row.reviewStatus === expected.reviewStatus &&
    row.readyToSend === expected.readyToSend
  );
}

export interface TargetComparison {
  /** The number of orders that the target lacks, or holds in another state than the view. */
  readonly target_different: number;
  /** The number of orders that the target holds. */
  readonly target_orders: number;
  readonly examples: string[];
  /** The ids of the first orders that differ. */
  readonly differentIds: readonly string[];
}

/**
 * Compares the target with the oracle. The target must hold every ready order, and each of its orders in its last state.
 * Its version may be below the view's, because an event that changes no column makes no delivery due. `sent` has the
 * orders that another program had sent before; this target does not know them.
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
