import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openSqliteStore } from '../adapters/sqlite/index.ts';
import type { ViewRow } from '../core/domain.ts';
import type { DecodedEvent } from '../pipeline/decode/decoder.ts';
import { BatchPlan } from '../pipeline/ingest/batch-plan.ts';
import { DueRules } from '../pipeline/ingest/due.ts';
import { HistoryCache } from '../pipeline/ingest/history-cache.ts';
import { LONG_LIMITS, LongHistories } from '../pipeline/ingest/long-histories.ts';
import { Newcomers } from '../pipeline/ingest/newcomers.ts';
import { ParkedRegistry } from '../pipeline/ingest/parked.ts';
import { migrateStore } from '../pipeline/migrate-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { OpenedStore, Store } from '../ports/store.ts';
import { MemoryDatabase, openMemoryStore } from './memory-store/index.ts';
import type { Sample, Subject } from './subject.ts';

/** A store of the kit. The caller closes it. */
export interface KitStore {
  readonly name: string;
  readonly opened: OpenedStore;
  close(): Promise<void>;
}

const TARGETS = ['kit'];

/** The store in memory, and SQLite in a folder that is deleted afterwards. */
export async function openKitStores(clock: Clock): Promise<KitStore[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-kit-'));
  const memory = openMemoryStore({ database: new MemoryDatabase(), clock, targets: TARGETS });
  const sqlite = openSqliteStore({ file: join(folder, 'kit.sqlite'), clock, targets: TARGETS });
  return [
    { name: 'memory', opened: memory, close: () => memory.close() },
    {
      name: 'SQLite',
      opened: sqlite,
      async close() {
        await sqlite.close();
        await rm(folder, { recursive: true, force: true });
      },
    },
  ];
}

/** The row and the version of each entity. */
export type StoredRows = ReadonlyMap<string, { readonly row: ViewRow; readonly version: number }>;

/** Journals the pieces one after the other, each in a transaction as ingest has them, and reads the rows. */
export async function rowsIn(
  subject: Subject,
  { opened }: KitStore,
  pieces: readonly (readonly Sample[])[],
  clock: Clock,
): Promise<StoredRows> {
  const { domain, decoder } = subject;
  const logger = () => undefined;
  const { store } = await migrateStore({ domain, store: opened, targets: TARGETS, clock, logger });
  const context = {
    domain,
    decoder,
    cache: new HistoryCache<unknown, unknown>(0),
    parked: new ParkedRegistry(),
    due: new DueRules([{ name: 'kit', qualifies: null }]),
  };
  const long = new LongHistories({
    domain,
    decoder,
    journals: store.longJournals,
    logger,
    limits: LONG_LIMITS,
  });
  let offset = 0n;
  for (const piece of pieces) {
    const events = piece.map(({ event }): DecodedEvent<unknown> => ({ ...event, offset: offset++ }));
    const plan = new BatchPlan(context, new Newcomers(), long, events, 0);
    const outcome = await store.commit({
      moves: [],
      quarantined: [],
      entityIds: plan.entityIds,
      mode: 'locking',
      plan: (versions, readJournals) => plan.plan(versions, readJournals),
    });
    if (outcome.kind !== 'committed') throw new Error(`The store of the kit answered ${outcome.kind}.`);
  }
  return readRows(store, [...new Set(pieces.flat().map(({ event }) => event.entityId))]);
}

async function readRows(store: Store, ids: readonly string[]): Promise<StoredRows> {
  return store.readView(ids);
}

/** The first entity whose rows differ, in words; null if all rows are the same. */
export function differenceIn(
  expected: StoredRows,
  stored: StoredRows,
  name: string,
): { readonly entityId: string; readonly what: string } | null {
  for (const [entityId, ours] of expected) {
    const theirs = stored.get(entityId);
    if (
      theirs !== undefined &&
      isDeepStrictEqual([...theirs.row], [...ours.row]) &&
      theirs.version === ours.version
    )
      continue;
    const shown =
      theirs === undefined ? 'no row' : `${JSON.stringify(theirs.row)} at version ${theirs.version}`;
    return {
      entityId,
      what: `The fold gives ${valuesOf(ours.row)} at version ${ours.version}, and ${name} shows ${shown}.`,
    };
  }
  return null;
}

/** JSON writes -0 as 0, and the difference may be just that. */
function valuesOf(row: ViewRow): string {
  return `[${row.map((value) => (Object.is(value, -0) ? '-0' : JSON.stringify(value))).join(',')}]`;
}
