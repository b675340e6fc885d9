/** Calls that make the view anew and exchange it. */
import type { RebuiltRow, SettledChange } from '../../../src/ports/view-rebuild.ts';
import { ledgerPlaces, settledCounts } from './normal.ts';
import { ALL, ENTITIES, kind, pickOrNull, ROWS, some, TARGETS, VIEW } from './store-caller.ts';
import { allPages, versionNear } from './store-deliveries.ts';

const CARRIER = { name: 'carrier', type: 'text' } as const;
const COLUMNS = [VIEW.columns, [...VIEW.columns, CARRIER]];

export const rebuildKinds = [
  kind('viewState', 4, async (caller, { store }) => {
    const state = await caller.ask('viewState', null, () => store.viewState());
    if (state !== null) caller.viewEpochs.push(state.epoch);
  }),
  kind('awaitFold', 0.5, async (caller, { store, random }) => {
    const foldVersion = 1 + random.below(3);
    await caller.ask('awaitFold', foldVersion, () => store.awaitFold(foldVersion));
  }),
  kind('beginRebuild', 3, async (caller, { store, random }) => {
    const isNew = caller.rebuilds.length === 0 || random.chance(0.4);
    const rebuildId = isNew ? caller.newName('rebuild') : random.pick(caller.rebuilds);
    const rebuild = { rebuildId, foldVersion: 2, columns: random.pick(COLUMNS) };
    await caller.ask('beginRebuild', rebuild, () => store.beginRebuild(rebuild));
    if (isNew) caller.rebuilds.push(rebuildId);
  }),
  kind('writeRebuilt', 4, async (caller, { store, random, ...drawing }) => {
    const { rebuild, epoch } = await store.viewState();
    if (rebuild === null) return;
    const rows = some({ random, ...drawing }, ENTITIES, 1).map((entityId): RebuiltRow => {
      const row = [...random.pick(ROWS), ...(rebuild.columns.length > VIEW.columns.length ? ['Posten'] : [])];
      return {
        entityId,
        version: versionNear(caller, random, entityId),
        row: random.chance(0.1) ? null : row,
      };
    });
    const written = {
      rebuildId: drawRebuild(random, rebuild.rebuildId),
      epoch: random.chance(0.7) ? null : epoch,
      rows,
    };
    await caller.ask('writeRebuilt', written, () => store.writeRebuilt(written));
  }),
  kind('compare tables', 3, async (caller, { store, random }) => {
    const { rebuild } = await store.viewState();
    if (rebuild === null) return;
    const limit = random.pick([1, 2, ALL]);
    if (rebuild.formerColumns === null)
      await caller.ask('listOutdated', limit, () =>
        allPages<string, string>(null, 2 * limit, async (after) => {
          const { entityIds, through } = await store.listOutdated({ after, limit });
          return { items: entityIds, next: through };
        }),
      );
    const tables = rebuild.formerColumns === null ? 'rebuilt' : 'former';
    await caller.ask('compareRows', [tables, limit], async () => {
      let equals = 0;
      const all = await allPages<string, unknown>(null, 2 * limit, async (after) => {
        const { equal, differences, through } = await store.compareRows(tables, { after, limit });
        equals += equal;
        return { items: differences, next: through };
      });
      return {
        equals: tables === 'rebuilt' ? equals : null,
        // They come in any sequence (`RowsPage.differences`).
        differences: new Set(all.items),
        ends: all.endsAfter,
      };
    });
  }),
  kind('noteBuilt', 1, async (caller, { store, random }) => {
    const rebuildId = pickOrNull(random, caller.rebuilds, 2) ?? 'none';
    const report = { different: random.below(9), 'é"': ['😀'] };
    await caller.ask('noteBuilt', [rebuildId, report], () => store.noteBuilt(rebuildId, report));
  }),
  kind('discardRebuild', 0.7, async (caller, { store, random }) => {
    const rebuildId = pickOrNull(random, caller.rebuilds, 2) ?? 'none';
    await caller.ask('discardRebuild', rebuildId, () => store.discardRebuild(rebuildId));
  }),
  kind('switch', 3, async (caller, { store, random }) => {
    const { rebuild } = await store.viewState();
    if (rebuild === null && random.chance(0.9)) return;
    const rebuildId = drawRebuild(random, rebuild?.rebuildId ?? 'none');
    const epoch = await caller.ask('beginSwitch', rebuildId, () => store.beginSwitch(rebuildId));
    if (epoch !== null) caller.viewEpochs.push(epoch);
    if (random.chance(0.5)) return;
    const state = await store.viewState();
    const exchange = { rebuildId, epoch: state.epoch - (random.chance(0.1) ? 1 : 0), waitSeconds: 2 };
    await caller.ask('exchange', exchange, () => store.exchange(exchange));
  }),
  kind('end the switch', 2, async (caller, { store, random }) => {
    const { epoch, rebuild } = await store.viewState();
    const given = epoch - (random.chance(0.1) ? 1 : 0);
    if (random.chance(0.5)) {
      await caller.ask('takeBackSwitch', given, () => store.takeBackSwitch(given));
      return;
    }
    if (rebuild === null && random.chance(0.9)) return;
    const exchange = { rebuildId: rebuild?.rebuildId ?? 'none', epoch: given, waitSeconds: 2 };
    await caller.ask('exchange', exchange, () => store.exchange(exchange));
  }),
  kind('settleChanges', 3, async (caller, { store, random, ...drawing }) => {
    const { rebuild } = await store.viewState();
    if (rebuild === null && random.chance(0.9)) return;
    // A delivery that was due since this millisecond may be counted or not (`SettledCounts.due`).
    caller.clock.nowMs++;
    const changes = some({ random, ...drawing }, ENTITIES).map((entityId): SettledChange => {
      const hasChanged = random.chance(0.8);
      const qualifiesFor = hasChanged ? some({ random, ...drawing }, TARGETS) : [];
      return {
        entityId,
        version: versionNear(caller, random, entityId),
        isNew: random.chance(0.2),
        delivery: { hasChanged, qualifiesFor },
      };
    });
    const settled = { rebuildId: drawRebuild(random, rebuild?.rebuildId ?? 'none'), changes };
    await caller.ask('settleChanges', settled, () => store.settleChanges(settled), settledCounts);
    const ids = some({ random, ...drawing }, ENTITIES);
    await caller.ask('ledgerOf', ids, () => store.ledgerOf(ids), ledgerPlaces);
  }),
  kind('endSettling', 1, async (caller, { store, random }) => {
    const { rebuild } = await store.viewState();
    const rebuildId = drawRebuild(random, rebuild?.rebuildId ?? 'none');
    await caller.ask('endSettling', rebuildId, () => store.endSettling(rebuildId));
  }),
  kind('dropFormer', 1, async (caller, { store }) => {
    await caller.ask('dropFormer', null, () => store.dropFormer());
    await caller.ask('remakeView', null, () => store.remakeView());
  }),
];

function drawRebuild(random: { chance(probability: number): boolean }, rebuildId: string): string {
  return random.chance(0.1) ? 'another' : rebuildId;
}
