import type { Domain } from '../core/domain.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { MigratedStore, OpenedStore } from '../ports/store.ts';
import { createAdopter } from './adopt.ts';
import { foldOf, refuseOutdated } from './rebuild/view-mode.ts';

export interface StoreMigration<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly store: OpenedStore;
  /** The names of all targets. */
  readonly targets: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether an administrator gave the command. Default: false. */
  readonly asCommand?: boolean;
  /** Whether a program may go on whose fold is older than that of the rows. Default: false. */
  readonly allowsOutdated?: boolean;
}

/**
 * Brings the store to this program's schema, takes over a table of another program, and logs what it did. Rejects with
 * `fold_outdated` if the rows were made by a newer fold.
 */
export async function migrateStore<State, Event>(
  options: StoreMigration<State, Event>,
): Promise<MigratedStore> {
  const { domain, store, targets, clock, logger, asCommand = false, allowsOutdated = false } = options;
  const { table, keyColumn, columns } = domain.view;
  const adopter = createAdopter(domain);
  const nowMs = clock.now();
  const migrated = await store.migrate({
    view: { table, keyColumn, columns },
    foldVersion: domain.foldVersion ?? 1,
    targets,
    adopt: adopter === null ? null : (entityId, row) => adopter(entityId, row, nowMs),
    nowMs,
    asCommand,
  });
  if (!allowsOutdated) await refuseOutdated(migrated.store, foldOf(domain));
  const { report } = migrated;
  if (report.fromVersion !== report.toVersion) {
    logger('info', `Schema brought from version ${report.fromVersion} to ${report.toVersion}`);
  }
  if (report.adoptedRows > 0)
    logger('info', `Took over ${report.adoptedRows} rows of ${table} that were there before`);
  for (const note of report.notes) logger('warn', note);
  if (report.viewIsEmpty) logger('warn', remadeMessage(table));
  return migrated;
}

export function remadeMessage(table: string): string {
  return `The table ${table} was missing: it was made anew, and its rows are made from the journal.`;
}
