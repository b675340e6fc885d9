import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import type { RebuildPlace } from '../../../src/pipeline/rebuild/places.ts';
import { Rebuild, type RebuildParts } from '../../../src/pipeline/rebuild/rebuild.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { RebuildState, ViewState } from '../../../src/ports/view-rebuild.ts';

const COLUMNS = [{ name: 'place', type: 'text' }] as const;
const DOMAIN = {
  foldVersion: 2,
  initialState: null,
  evolve: (state: unknown) => state,
  view: { table: 'parcels', columns: COLUMNS, row: () => ['X'], isReady: () => true },
};
export const FOLD = { foldVersion: 2, columns: COLUMNS };
export const REBUILD = {
  rebuildId: 'r',
  ...FOLD,
  formerColumns: COLUMNS,
  report: {},
} as unknown as RebuildState;

/** A rebuild over a store of which each test says what it answers. Each call takes a time by the clock. */
export class StepsPlace {
  readonly clock = new SeededClock({ seed: 1, time: 'immediately' });
  readonly asked: unknown[][] = [];
  readonly logged: string[] = [];
  readonly signal = new AbortController();
  callMs = 0;
  state: ViewState = {
    epoch: 4,
    phase: 'steady',
    foldVersion: 1,
    awaitedFold: null,
    columns: COLUMNS,
    beat: 0,
    rebuild: REBUILD,
  };
  readonly answers: Partial<Record<keyof Store, (...given: never[]) => unknown>> = {
    viewState: () => this.state,
    readJournals: (ids: readonly string[]) => new Map(ids.map((id) => [id, []])),
    writeRebuilt: () => true,
    ledgerOf: () => [],
    settleChanges: () => ({ due: 0, stale: [] }),
  };
  readonly parts: RebuildParts<unknown, unknown>;
  readonly rebuild: Rebuild<unknown, unknown>;

  constructor(answers: StepsPlace['answers'] = {}) {
    Object.assign(this.answers, answers);
    const store = new Proxy({} as Store, {
      get:
        (_, name: keyof Store) =>
        async (...given: never[]) => {
          if (name !== 'viewState') this.asked.push([name, ...given]);
          await this.clock.sleep(this.callMs);
          return this.answers[name]?.(...given);
        },
    });
    this.parts = {
      domain: DOMAIN,
      decoder: {},
      store,
      due: new DueRules([{ name: 'crm', qualifies: null }]),
      clock: this.clock,
      logger: (level: string, message: string, fields?: object) =>
        this.logged.push(`${level}: ${message}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`),
    } as never;
    this.rebuild = new Rebuild(this.parts);
  }

  build(place: RebuildPlace | null) {
    return this.rebuild.build('r', place, this.signal.signal);
  }

  switch(place: RebuildPlace | null, keepsFormer = false) {
    return this.rebuild.switch('r', place, this.signal.signal, { keepsFormer });
  }

  /** The arguments of all calls of this method. */
  calls(name: keyof Store): unknown[] {
    return this.asked.filter(([called]) => called === name).map(([, argument]) => argument);
  }
}

export const GONE = { place: null, progress: { phase: 'gone' } };
export const idsOf = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `id ${10_000 + from + index}`);
/** Pages of ids behind `after`. */
export const paged =
  (ids: readonly string[]) =>
  ({ after, limit }: { after: string | null; limit: number }) => {
    const found = ids.filter((id) => after === null || id > after).slice(0, limit);
    return { entityIds: found, through: found.length < limit ? null : (found.at(-1) ?? null) };
  };
export const journaled = (ids: readonly string[]) => (page: { after: string | null; limit: number }) =>
  paged(ids)(page).entityIds.map((entityId) => ({ entityId }));
