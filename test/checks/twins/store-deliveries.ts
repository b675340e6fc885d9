/** Calls with which deliveries are claimed and end, and with which the ledger is read, compared and put right. */
import type { DeliverySettlement } from '../../../src/ports/delivery-claims.ts';
import type { DeliveryFilter, DeliveryKey } from '../../../src/ports/ledger.ts';
import type { DeliveryRepair } from '../../../src/ports/reconciliation.ts';
import type { Random } from '../lib/random.ts';
import type { Drawing } from './history.ts';
import { claimedDelivery } from './normal.ts';
import {
  ALL,
  ENTITIES,
  hashOf,
  kind,
  LEASE_MS,
  pickOrNull,
  type StoreCaller,
  some,
  TARGETS,
} from './store-caller.ts';

const WAITS_MS = [0, 0, 1, 1_000, 29_999, 30_000, 31_000, 600_000, -3_600_000];
const STATUSES = [null, 'pending', 'delivered', 'dead'] as const;
const KINDS = ['owed', 'dead', 'in_flight', 'delivered'] as const;
/** A page that ends nowhere is a fault of its own, so paging stops. */
const PAGES_MAX = 60;

export const deliveryKinds = [
  kind('time passes', 8, async (caller, { random }) => {
    caller.clock.nowMs += random.pick(WAITS_MS);
    caller.note('now', caller.clock.nowMs);
  }),
  kind('claimDeliveries', 14, async (caller, { store, random }) => {
    const last = random.chance(0.15) ? pickOrNull(random, caller.claims) : null;
    const request = {
      target: last?.target ?? random.pick(TARGETS),
      claimant: caller.newName('claim'),
      limit: random.pick([1, 2, ALL, ALL]),
      leaseMs: random.pick([LEASE_MS, LEASE_MS, 1_000]),
      attempts: random.pick(['first', 'later'] as const),
      ...(last === null ? {} : { behind: { dueSinceMs: last.dueSinceMs, entityId: last.entityId } }),
    };
    const claimed = await caller.ask(
      'claimDeliveries',
      request,
      () => store.claimDeliveries(request),
      (deliveries) => deliveries.map(claimedDelivery),
    );
    caller.claims.push(...(claimed ?? []));
  }),
  kind('settleDeliveries', 14, async (caller, { store, random, ...drawing }) => {
    if (caller.claims.length === 0) return;
    const settlements = latestClaims(caller, { random, ...drawing }).map((delivery): DeliverySettlement => {
      const next = drawNext(caller, random);
      const verdict = next === 'delivered' ? 'delivered' : next === 'dead' ? 'park' : 'retry';
      return {
        delivery,
        deliveryId: caller.newName('delivery'),
        attemptedAtMs: caller.clock.now() - random.below(2),
        verdict,
        status: next === 'delivered' ? 200 : random.pick([null, 503, 404]),
        latencyMs: 12.5,
        answer: random.pick(['', '{"ok":1}', 'é😀']),
        error: next === 'delivered' ? null : random.pick(['It answered 503.', 'it answered 503.', 'Lost.']),
        next,
      };
    });
    await caller.ask(
      'settleDeliveries',
      settlements.map((one) => ({ ...one, delivery: claimedDelivery(one.delivery) })),
      () => store.settleDeliveries(settlements),
    );
  }),
  kind('releaseDeliveries', 3, async (caller, { store, ...drawing }) => {
    if (caller.claims.length === 0) return;
    const claims = latestClaims(caller, drawing);
    await caller.ask('releaseDeliveries', claims.map(claimedDelivery), () => store.releaseDeliveries(claims));
  }),
  kind('renewDeliveries', 3, async (caller, { store, ...drawing }) => {
    if (caller.claims.length === 0) return;
    const claims = latestClaims(caller, drawing);
    const leaseMs = drawing.random.pick([LEASE_MS, 600_000]);
    await caller.ask('renewDeliveries', [claims.map(claimedDelivery), leaseMs], () =>
      store.renewDeliveries(claims, leaseMs),
    );
  }),
  kind('read the ledger', 6, async (caller, { store, random }) => {
    const key = { target: random.pick(TARGETS), entityId: random.pick(ENTITIES) };
    await caller.ask('readDelivery', key, () => store.readDelivery(key.target, key.entityId));
    const most = 1 + random.below(4);
    await caller.ask('readAttempts', [key, most], () => store.readAttempts(key, most));
    const filter = drawFilter(caller, random);
    const limit = random.pick([1, 2, ALL]);
    const after = random.chance(0.5) ? null : key;
    const page = { filter, after, limit };
    await caller.ask('listDeliveries', page, () => store.listDeliveries(page));
    const lookMax = random.pick([1, 2, ALL]);
    await caller.ask('pageDeliveries', { ...page, lookMax }, () =>
      allPages<DeliveryKey, unknown>(after, limit, async (behind) => {
        const { deliveries, next } = await store.pageDeliveries({ filter, after: behind, limit, lookMax });
        return { items: deliveries, next };
      }),
    );
  }),
  kind('listByDelivery', 4, async (caller, { store, random }) => {
    const page = {
      target: random.pick(TARGETS),
      kind: random.pick(KINDS),
      limit: random.pick([1, 2, ALL]),
      scan: random.pick([1, 3, ALL]),
    };
    await caller.ask('listByDelivery', page, () =>
      allPages<string, string>(null, page.limit, async (after) => {
        const { entityIds, next } = await store.listByDelivery({ ...page, after });
        return { items: entityIds, next };
      }),
    );
  }),
  kind('listOwed', 2, async (caller, { store, random }) => {
    const after = random.chance(0.5) ? null : random.pick(ENTITIES);
    const page = { target: random.pick(TARGETS), after, limit: random.pick([1, 3, ALL]) };
    await caller.ask('listOwed', page, () => store.listOwed(page));
  }),
  kind('makeDueAgain', 3, async (caller, { store, random, ...drawing }) => {
    const delivered = some({ random, ...drawing }, ENTITIES).map((entityId) => ({
      entityId,
      version: versionNear(caller, random, entityId),
    }));
    const again = { target: random.pick(TARGETS), delivered, ...drawViewEpoch(caller, random) };
    await caller.ask('makeDueAgain', again, () => store.makeDueAgain(again));
  }),
  kind('makeRepairsDue', 3, async (caller, { store, random, ...drawing }) => {
    const repairs = some({ random, ...drawing }, ENTITIES).map((entityId): DeliveryRepair => {
      const version = versionNear(caller, random, entityId);
      const heldVersion = Math.max(1, version - random.below(2));
      const isSame = heldVersion === version && random.chance(0.5);
      const was = random.pick(['unrecorded', 'behind', 'dead'] as const);
      return {
        entityId,
        was,
        version,
        heldVersion,
        replaces: isSame ? hashOf(`held ${random.below(2)}`) : null,
      };
    });
    const due = { target: random.pick(TARGETS), repairs, ...drawViewEpoch(caller, random) };
    await caller.ask('makeRepairsDue', due, () => store.makeRepairsDue(due));
  }),
];

/** Claims of one target and entity each, among the latest. */
function latestClaims(caller: StoreCaller, drawing: Drawing) {
  const ofDelivery = new Map(
    drawing.random
      .shuffled(caller.claims.slice(-8))
      .map((claim) => [`${claim.target} ${claim.entityId}`, claim] as const),
  );
  return some(drawing, [...ofDelivery.values()], 1, 3);
}

function drawNext(caller: StoreCaller, random: Random): DeliverySettlement['next'] {
  if (random.chance(0.4)) return 'delivered';
  if (random.chance(0.4)) return 'dead';
  const retryAtMs = caller.clock.now() + random.pick([0, 1_000, 30_000, 600_000]);
  return random.chance(0.7) ? { retryAtMs } : { retryAtMs, isCounted: random.chance(0.5) };
}

export function drawFilter(caller: StoreCaller, random: Random): DeliveryFilter {
  const now = caller.clock.now();
  const maybe = <Value>(value: Value): Value | null => (random.chance(0.15) ? value : null);
  return {
    target: maybe(random.pick(TARGETS)),
    entityId: maybe(random.pick(ENTITIES)),
    status: random.pick(STATUSES),
    lastStatus: maybe(503),
    errorPrefix: maybe(random.pick(['It', 'it answered', ''])),
    dueSinceFromMs: maybe(now - random.below(60_000)),
    dueSinceBeforeMs: maybe(now + random.below(2)),
  };
}

export function versionNear(caller: StoreCaller, random: Random, entityId: string): number {
  return Math.max(1, (caller.versions.get(entityId) ?? 1) - random.pick([0, 0, 0, 1, 2]));
}

function drawViewEpoch(caller: StoreCaller, random: Random): { viewEpoch?: number } {
  const epoch = random.chance(0.3) ? pickOrNull(random, caller.viewEpochs, 2) : null;
  return epoch === null ? {} : { viewEpoch: epoch };
}

/**
 * Reads page after page to the end, and gives all their items. Ports leave open how many items a page has that looks at a
 * limited number of rows (`ViewRowsInspection.listView`, `listByDelivery`, `DeliveryInspection.pageDeliveries`).
 */
export async function allPages<Place, Item>(
  from: Place | null,
  limit: number,
  read: (after: Place | null) => Promise<{ items: readonly Item[]; next: Place | null }>,
): Promise<{ items: Item[]; endsAfter?: string }> {
  const all: Item[] = [];
  let after = from;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { items, next } = await read(after);
    all.push(...items);
    if (items.length > limit) return { items: all, endsAfter: 'a page with more items than its limit' };
    if (next === null) return { items: all };
    after = next;
  }
  return { items: all, endsAfter: 'more pages than there are rows' };
}
