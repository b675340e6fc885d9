import { orders } from '../../src/orders/index.ts';
import { diffOf } from '../../src/pipeline/ask/diff.ts';
import { explain } from '../../src/pipeline/ask/explain.ts';
import { listRows, type RowsQuery } from '../../src/pipeline/ask/list-rows.ts';
import { NOW } from '../../src/pipeline/ask/moment.ts';
import type { AskParts } from '../../src/pipeline/ask/parts.ts';
import { whatIf } from '../../src/pipeline/ask/what-if.ts';
import { createDecoder } from '../../src/pipeline/decode/decoder.ts';
import { DueRules } from '../../src/pipeline/ingest/due.ts';
import type { EntityChange } from '../../src/ports/commit.ts';
import type { DeliveryFilter } from '../../src/ports/ledger.ts';
import type { MigrationOptions } from '../../src/ports/migration.ts';
import type { Store } from '../../src/ports/store.ts';
import { created, TOPIC_NAMES } from '../helpers/order-store.ts';
import { claimDue, LEASE_MS, settlement } from './store/delivery-helpers.ts';
import { batchOf, change, commitChanges, event, quarantined, TARGETS, TOPIC } from './store/fixtures.ts';

/** The orders of the store in which every question is asked. */
const ORDERS = 3_000;

export const ORDERS_MIGRATION: Omit<MigrationOptions, 'nowMs'> = {
  view: orders.view,
  targets: TARGETS,
  adopt: null,
};

/** The records in quarantine, and the jobs and decisions, of the store in which every question is asked. */
const OTHERS = 300;

/** Fills the store with orders, of which a few are undelivered, and with refused records, jobs and decisions. */
export async function fillForPlans(store: Store): Promise<void> {
  const row = ['CREATED', 'PAYMENT_AUTHORIZED', null, true];
  const delivery = { hasChanged: true, qualifiesFor: TARGETS };
  for (let from = 0; from < ORDERS; from += 1_000) {
    const ids = Array.from({ length: 1_000 }, (_, index) => idOf(from + index));
    await commitChanges(
      store,
      ...ids.map((id): EntityChange => ({ ...change(id, 0, { row, delivery }), events: [bodyEvent(id)] })),
    );
    for (const target of TARGETS) {
      const claimed = await claimDue(store, { target, claimant: `${from}`, limit: 980, leaseMs: LEASE_MS });
      await store.settleDeliveries(
        claimed.map((each, index) => settlement(each, index % 100 === 0 ? 'dead' : 'delivered')),
      );
    }
  }
  await addLongOrder(store);
  const numbers = Array.from({ length: OTHERS }, (_, index) => index);
  const refused = numbers.map((number) => quarantined(BigInt(number), { partition: number % 4 }));
  await store.commit(batchOf([], [], { quarantined: refused }));
  const [partition] = await store.acquire([
    { topic: 'order_events', partition: 0, topicId: 'id', startOffset: 0n },
  ]);
  if (partition === undefined) throw new Error('No partition was acquired.');
  for (const number of numbers) {
    const decision = { decidedBy: 'ana', reason: 'a test', decidedAtMs: number };
    await store.addAudit({ ...decision, action: 'held', subject: `target ${number}`, details: {} });
    await store.resume({ ...partition, ...decision, offset: BigInt(number) });
    await store.createJob({
      jobId: `job ${number}`,
      kind: 'redrive',
      parameters: {},
      isDryRun: true,
      requestedBy: 'ana',
      reason: '',
      createdAtMs: number,
    });
  }
}

/** The id of an order with more than 1,024 events, which stands behind all others. */
const LONG_ORDER = 'order long';

/** Of the events, 1,050 are in the index of ids. */
async function addLongOrder(store: Store): Promise<void> {
  const events = Array.from({ length: 1_100 }, (_, index) => event(LONG_ORDER, index + 1));
  const row = ['CREATED', null, null, false];
  await commitChanges(store, change(LONG_ORDER, 0, { row, events: events.slice(0, 1_050) }));
  await store.longJournals.index(LONG_ORDER, 1, new AbortController().signal);
  await commitChanges(store, change(LONG_ORDER, 1_050, { row, events: events.slice(1_050) }));
}

function idOf(number: number): string {
  return `order ${String(number).padStart(5, '0')}`;
}

function bodyEvent(orderId: string) {
  const data = JSON.stringify(created(orderId, '10:00'));
  return event(orderId, 1, { data, eventType: 'ORDER', topic: 'order_events' });
}

/** Asks every question about an order in the middle, and reads a page from the middle of every list, with every filter. */
export async function askEverything(store: Store): Promise<void> {
  await askAboutOrders(store);
  await readLists(store);
}

const ALL_DELIVERIES: DeliveryFilter = {
  target: null,
  entityId: null,
  status: null,
  lastStatus: null,
  errorPrefix: null,
  dueSinceFromMs: null,
  dueSinceBeforeMs: null,
};

async function readLists(store: Store): Promise<void> {
  const [target] = TARGETS;
  const after = { target, entityId: idOf(1_500) };
  for (const filter of [
    {},
    { target },
    { entityId: idOf(1_501) },
    { lastStatus: 422 },
    { errorPrefix: 'It answered' },
    { status: 'pending' as const, target, dueSinceFromMs: 1, dueSinceBeforeMs: 2 },
  ])
    await store.pageDeliveries({
      filter: { ...ALL_DELIVERIES, ...filter },
      after,
      limit: 20,
      lookMax: 1_000,
    });
  await store.readDelivery(target, idOf(1_500));
  await store.listAudit({ after: 100n, limit: 20 });
  await store.listJobs({ after: { createdAtMs: 100, jobId: 'job 100' }, limit: 20 });
  await store.readJob('job 100');
  for (const lookMax of [10, 1_000])
    await store.findOpenByKey({ topic: TOPIC, key: Buffer.from('key'), lookMax, limit: 5 });
  await store.listResumed(1_000);
  const middle = quarantined(150n, { partition: 2 });
  const { topic } = middle;
  for (const filter of [{}, { topic }])
    for (const state of ['open', 'settled', 'all'] as const)
      await store.readQuarantine({ ...filter, state, after: middle, limit: 20 });
}

async function askAboutOrders(store: Store): Promise<void> {
  const clock = { now: () => Date.UTC(2030, 0, 1) };
  const parts: AskParts<unknown, unknown> = {
    domain: orders as AskParts<unknown, unknown>['domain'],
    decoder: createDecoder(orders, { topicNames: TOPIC_NAMES }),
    store,
    clock,
    log: null,
    due: new DueRules(TARGETS.map((name) => ({ name, qualifies: null }))),
    topicNames: TOPIC_NAMES,
    targets: TARGETS,
    stuckAfterMs: 1,
    maxEvents: 10_000,
  };
  const id = idOf(1_500);
  await explain(parts, id);
  await diffOf(parts, id, { kind: 'version', version: 0 }, NOW);
  await whatIf(parts, id, JSON.stringify(created(id, '11:00')));
  await store.readView([id]);
  await store.readArrivals({ entityId: id, after: 2_000, limit: 10 });
  for (const after of [0, 1_060])
    for (const entityId of [id, LONG_ORDER]) await store.findEvent({ entityId, eventId: 'event-7', after });
  const query: RowsQuery = {
    conditions: [],
    delivery: null,
    isStuck: false,
    olderThanMs: null,
    after: id,
    limit: 20,
  };
  for (const facts of [
    {},
    { conditions: [{ columns: ['order_status', 'review_status'], value: 'PENDING' }] },
    { conditions: [{ columns: ['ready_to_send'], value: true }] },
    { conditions: [{ columns: ['review_status'], value: null }] },
    { delivery: 'owed' as const },
    { delivery: 'dead' as const },
    { delivery: 'in_flight' as const },
    { delivery: 'delivered' as const },
    { isStuck: true },
    { olderThanMs: 1 },
  ])
    await listRows(parts, { ...query, ...facts });
  // More deliveries are owed than may be looked at.
  for (const target of TARGETS)
    for (const kind of ['owed', 'in_flight'] as const)
      await store.listByDelivery({ target, kind, after: id, limit: 20, scan: 20 });
}
