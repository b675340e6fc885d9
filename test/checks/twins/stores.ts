/** The stores beside their twin: opens both, and reads their whole content. */
import type { Store } from '../../../src/ports/store.ts';
import { MemoryDatabase, openMemoryStore } from '../../../src/testing/memory-store/index.ts';
import type { CallKind, Pair, Setting } from './history.ts';
import { auditEntry, checkpoints, entityRecord, holds } from './normal.ts';
import {
  ALL,
  ENTITIES,
  HistoryClock,
  migrationAt,
  PROCESSES,
  StoreCaller,
  TARGETS,
  VIEW,
} from './store-caller.ts';
import { deliveryKinds } from './store-deliveries.ts';
import { ingestKinds } from './store-ingest.ts';
import { journalKinds, verifyKinds } from './store-journal.ts';
import { jobKinds, keyOfRecord, operatorKinds } from './store-operators.ts';
import { rebuildKinds } from './store-rebuild.ts';

export const STORE_KINDS = [
  ...ingestKinds,
  ...deliveryKinds,
  ...jobKinds,
  ...operatorKinds,
  ...journalKinds,
  ...verifyKinds,
  ...rebuildKinds,
];
/** The commits that other calls need. */
const someIngest = ingestKinds.filter(({ name }) => name === 'acquire' || name === 'commit').map(rarely);
const someDeliveries = deliveryKinds
  .filter(({ name }) => name === 'time passes' || name === 'claimDeliveries' || name === 'settleDeliveries')
  .map(rarely);
const THEMES = [
  STORE_KINDS,
  [...ingestKinds, ...deliveryKinds],
  [...someIngest, ...deliveryKinds, ...verifyKinds],
  [...someIngest, ...someDeliveries, ...jobKinds],
  [...ingestKinds, ...operatorKinds],
  [...someIngest, ...jobKinds, ...operatorKinds],
  [...someIngest, ...journalKinds],
  [...someIngest, ...someDeliveries, ...rebuildKinds],
];

function rarely(one: CallKind<StoreCaller>): CallKind<StoreCaller> {
  return { ...one, weight: one.weight / 3 };
}

/** Gives the stores of the real side, in the same empty state for each history. */
export interface RealStores {
  /** Resolves with a migrated store for each process, all on one place without any rows but those of the migration. */
  open(clock: HistoryClock): Promise<readonly Store[]>;
  /** Removes the row of an entity from the view, as a person does with a database client. */
  removeRow(entityId: string): Promise<void>;
  /** Called when the history is over. Closes the stores, unless the next history gets them again. */
  release(): Promise<void>;
}

/** How the twin is reached: in the same process, or behind a network where each statement takes a turn. */
export type TwinWay = 'in-process' | 'behind a network';

export function storeSetting(
  real: RealStores,
  twinWay: (seed: number) => TwinWay = alternately,
): Setting<StoreCaller> {
  return {
    kinds: STORE_KINDS,
    themes: THEMES,
    first: 'acquire',
    readContents,
    open: (seed) => openPair(real, twinWay(seed)),
  };
}

function alternately(seed: number): TwinWay {
  return seed % 2 === 0 ? 'in-process' : 'behind a network';
}

async function openPair(real: RealStores, way: TwinWay): Promise<Pair<StoreCaller>> {
  const clocks = { twin: new HistoryClock(), real: new HistoryClock() };
  const database = new MemoryDatabase();
  const session = () => ({ statement: async () => {}, answered: async () => {} });
  const twins: Store[] = [];
  for (let process = 0; process < PROCESSES; process++) {
    const opened = openMemoryStore({
      database,
      clock: clocks.twin,
      time: clocks.twin,
      targets: TARGETS,
      ...(way === 'in-process' ? {} : { session: session() }),
    });
    twins.push((await opened.migrate(migrationAt(clocks.twin))).store);
  }
  const removeTwinRow = async (entityId: string) => {
    database.viewTable(VIEW.table).delete(entityId);
  };
  return {
    twin: new StoreCaller(clocks.twin, twins, removeTwinRow),
    real: new StoreCaller(clocks.real, await real.open(clocks.real), (entityId) => real.removeRow(entityId)),
    close: async () => {
      for (const twin of twins) await twin.close();
      await real.release();
    },
  };
}

/** Asks for everything that the store holds. */
async function readContents(caller: StoreCaller): Promise<void> {
  const store = caller.store(0);
  const page = { after: null, limit: ALL };
  await caller.ask('viewState', null, () => store.viewState());
  await caller.ask('checkpoints', null, () => store.checkpoints(), checkpoints);
  await caller.ask('listResumed', ALL, () => store.listResumed(ALL));
  await caller.ask(
    'readEntities',
    ENTITIES,
    () => store.readEntities(ENTITIES, ALL),
    (records) => records.map(entityRecord),
  );
  await caller.ask('listView', null, () => store.listView({ ...page, conditions: [], scan: ALL }));
  await caller.ask('listParked', null, () => store.listParked(page));
  const filter = drawnByNothing;
  const deliveries = await caller.ask('listDeliveries', null, () =>
    store.listDeliveries({ ...page, filter }),
  );
  for (const { target, entityId } of deliveries ?? [])
    await caller.ask('readAttempts', [target, entityId], () => store.readAttempts({ target, entityId }, ALL));
  for (const entityId of ENTITIES) {
    const range = { entityId, after: 0, limit: ALL };
    await caller.ask('readArrivals', entityId, () => store.readArrivals(range));
    await caller.ask('rungsBehind', entityId, () => store.longJournals.rungsBehind(entityId, null, ALL));
  }
  const all = { after: null, limit: ALL, state: 'all' } as const;
  const records = await caller.ask('readQuarantine', null, () => store.readQuarantine(all));
  caller.note('open records', records?.filter(({ settlement }) => settlement === null).map(keyOfRecord));
  await caller.ask('listJobs', null, () => store.listJobs({ after: null, limit: ALL }));
  await caller.ask('listHolds', null, () => store.listHolds(), holds);
  await caller.ask(
    'listAudit',
    null,
    () => store.listAudit({ after: null, limit: ALL }),
    (entries) => entries.map(auditEntry),
  );
  for (const target of TARGETS) await caller.ask('readSweep', target, () => store.readSweep(target));
  await caller.ask('counts', null, () => store.counts());
}

const drawnByNothing = {
  target: null,
  entityId: null,
  status: null,
  lastStatus: null,
  errorPrefix: null,
  dueSinceFromMs: null,
  dueSinceBeforeMs: null,
};
