/** Calls that read the journal and the view, keep the caches of long journals, and verify. */
import type { Store } from '../../../src/ports/store.ts';
import type { LedgerMend } from '../../../src/ports/verification.ts';
import { entityRecord, journals, keyOf, longJournal } from './normal.ts';
import { ALL, ENTITIES, kind, pickOrNull, ROWS, type StoreCaller, some } from './store-caller.ts';
import { allPages } from './store-deliveries.ts';

const NEVER = new AbortController().signal;
const EVENT_IDS = ['event-1', 'Event-1', 'event-2', 'event-3', 'event-5', 'event-8', 'event-13'];

export const journalKinds = [
  kind('read journals', 5, async (caller, { store, random, ...drawing }) => {
    const ids = random.shuffled(some({ random, ...drawing }, ENTITIES));
    const maxEvents = random.chance(0.5) ? undefined : 1 + random.below(5);
    await caller.ask(
      'readJournals',
      [ids, maxEvents],
      () => store.readJournals(ids, maxEvents),
      (read) => journals(read, maxEvents),
    );
    await caller.ask('readLastArrivals', ids, () => store.readLastArrivals(ids));
    await caller.ask('readAsArrived', ids, () => store.readAsArrived(ids));
    const after = random.chance(0.5) ? null : random.pick(ENTITIES);
    const page = { after, limit: random.pick([1, 2, ALL]) };
    await caller.ask('listJournaled', page, () => store.listJournaled(page));
    await caller.ask('listEntities', page, () => store.listEntities(page));
    await caller.ask('listParked', page, () => store.listParked(page));
    const entityId = random.pick(ENTITIES);
    await caller.ask('readParked', entityId, () => store.readParked(entityId));
  }),
  kind('read arrivals', 3, async (caller, { store, random }) => {
    const entityId = random.pick(ENTITIES);
    const from = random.below(4);
    const limit = random.pick([1, 3, ALL]);
    await caller.ask('readArrivals', { entityId, from, limit }, () =>
      // A page may have fewer events if their bodies are large (`Journal.readArrivals`).
      allPages<number, unknown>(from, limit, async (after) => {
        const { events, lastVersion } = await store.readArrivals({ entityId, after: after ?? 0, limit });
        return { items: [...events, { lastVersion }].slice(0, limit), next: events.at(-1)?.version ?? null };
      }),
    );
    const search = { entityId, eventId: random.pick(EVENT_IDS), after: random.below(4) };
    await caller.ask('findEvent', search, () => store.findEvent(search));
  }),
  kind('read the view', 4, async (caller, { store, random, ...drawing }) => {
    const ids = some({ random, ...drawing }, ENTITIES);
    await caller.ask('readView', ids, () => store.readView(ids));
    const [place, isFragile, weight, value, packedAt, labels] = random.pick(ROWS);
    const conditions = some({ random, ...drawing }, [
      { columns: ['place'], value: place },
      { columns: ['is_fragile'], value: isFragile },
      { columns: ['weight_grams'], value: weight },
      { columns: ['value'], value },
      { columns: ['packed_at'], value: packedAt },
      { columns: ['labels'], value: labels },
    ]);
    const page = { conditions, limit: random.pick([1, 2, ALL]), scan: random.pick([1, 2, ALL]) };
    await caller.ask('listView', page, () =>
      allPages<string, unknown>(null, page.limit, async (after) => {
        const { rows, next } = await store.listView({ ...page, after });
        return { items: rows, next };
      }),
    );
  }),
  kind('index', 4, async (caller, { store, random }) => {
    await bringUp(caller, store, random.pick(ENTITIES), random.pick([1, 1, 1, 2]));
  }),
  kind('long journals', 5, async (caller, { store, random, ...drawing }) => {
    const { longJournals } = store;
    const requests = some({ random, ...drawing }, ENTITIES, 1).map((entityId) => ({
      entityId,
      eventIds: some({ random, ...drawing }, EVENT_IDS),
    }));
    const versions = new Map<string, number>();
    for (const { entityId } of requests) versions.set(entityId, await journaledVersion(store, entityId));
    await caller.ask(
      'lookUp',
      requests,
      () => longJournals.lookUp(requests),
      (found) => new Map([...found].map(([id, one]) => [id, longJournal(one, versions.get(id) ?? 0)])),
    );
    const entityId = pickOrNull(random, [...caller.indexed]) ?? 'a';
    const key = () => (random.chance(0.5) ? null : pickOrNull(random, caller.keys));
    const range = { entityId, after: key(), through: key(), limit: random.pick([1, 2, ALL]) };
    // Events that the index lacks may be left out (`LongJournals.readRange`).
    const extent = (await longJournals.lookUp([{ entityId, eventIds: [] }])).get(entityId);
    if (extent?.version === (await journaledVersion(store, entityId)))
      await caller.ask('readRange', range, () => longJournals.readRange(range));
    await caller.ask('rungBefore', [entityId, range.through], () =>
      longJournals.rungBefore(entityId, range.through),
    );
    await caller.ask('rungsBehind', [entityId, range.after, range.limit], () =>
      longJournals.rungsBehind(entityId, range.after, range.limit),
    );
  }),
  kind('addRungs', 3, async (caller, { store, random, ...drawing }) => {
    const entityId = pickOrNull(random, [...caller.indexed]) ?? 'a';
    const events = (await store.readJournals([entityId])).get(entityId) ?? [];
    if (random.chance(0.5)) await bringUp(caller, store, entityId, 1);
    const rungs = some({ random, ...drawing }, events).map((event) => ({
      last: keyOf(event),
      state: Buffer.from(`state ${random.below(100)}`),
    }));
    const addition = {
      entityId,
      version: events.length - (random.chance(0.1) ? 1 : 0),
      foldVersion: random.pick([1, 1, 2]),
      rungs,
    };
    await caller.ask('addRungs', addition, () => store.longJournals.addRungs(addition));
  }),
];

export const verifyKinds = [
  kind('readEntities', 4, async (caller, { store, random, ...drawing }) => {
    const ids = random.shuffled(some({ random, ...drawing }, ENTITIES));
    await readEntities(caller, store, ids, random.pick([2, ALL]));
  }),
  kind('mendLedger', 5, async (caller, { store, random, ...drawing }) => {
    if (random.chance(0.8)) await readEntities(caller, store, ENTITIES, ALL);
    const mends = some({ random, ...drawing }, caller.seen).flatMap((record) =>
      some({ random, ...drawing }, record.ledger).map(({ target, entry }): LedgerMend => {
        const dueVersion = Math.max(1, record.version - random.below(2));
        const status = random.pick(['pending', 'delivered', 'dead'] as const);
        const deliveredVersion = status === 'delivered' ? dueVersion : random.pick([null, 1]);
        return {
          target,
          entityId: record.entityId,
          version: record.row?.version ?? record.version,
          mark: entry?.mark ?? null,
          becomes: { status, dueVersion, deliveredVersion },
        };
      }),
    );
    const asked = mends.map((mend) => ({ ...mend, mark: mend.mark === null ? null : 'as seen' }));
    await caller.ask('mendLedger', asked, () => store.mendLedger(mends));
  }),
  kind('removeUnjournaledRows', 1, async (caller, { store, ...drawing }) => {
    const ids = some(drawing, ENTITIES);
    await caller.ask('removeUnjournaledRows', ids, () => store.removeUnjournaledRows(ids));
  }),
];

async function journaledVersion(store: Store, entityId: string): Promise<number> {
  return (await store.readArrivals({ entityId, after: 0, limit: 1 })).lastVersion;
}

/**
 * Brings an index up to the end of the journal. If it was behind, a store may have dropped any rung (`LongJournals`), so a
 * change of the fold version makes both sides drop all.
 */
async function bringUp(
  caller: StoreCaller,
  store: Store,
  entityId: string,
  foldVersion: number,
): Promise<void> {
  const { longJournals } = store;
  const before = (await longJournals.lookUp([{ entityId, eventIds: [] }])).get(entityId);
  if (before !== undefined && before.version !== (await journaledVersion(store, entityId)))
    await longJournals.index(entityId, foldVersion + 1, NEVER);
  await caller.ask('index', [entityId, foldVersion], () => longJournals.index(entityId, foldVersion, NEVER));
  caller.indexed.add(entityId);
}

/** Asks until all are read. A page may have only the first entities if their journals are large (`Verification`). */
async function readEntities(
  caller: StoreCaller,
  store: Store,
  ids: readonly string[],
  maxEvents: number,
): Promise<void> {
  const read = await caller.ask(
    'readEntities',
    [ids, maxEvents],
    async () => {
      const all = await store.readEntities(ids, maxEvents);
      while (all.length < ids.length) {
        const rest = await store.readEntities(ids.slice(all.length), maxEvents);
        if (rest.length === 0) break;
        all.push(...rest);
      }
      return all;
    },
    (records) => records.map(entityRecord),
  );
  if (read !== null) caller.seen = read;
}
