import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import type { Store } from '../../../src/ports/store.ts';
import { FAST_FOLDER } from './real-logs.ts';
import type { HistoryClock } from './store-caller.ts';
import { migrationAt, PROCESSES, TARGETS, VIEW } from './store-caller.ts';
import type { RealStores } from './stores.ts';

/** SQLite files, each a copy of one migrated file. */
export class SqliteStores implements RealStores {
  readonly #folder = mkdtempSync(join(FAST_FOLDER, 'tributary-twins-'));
  readonly #pattern = join(this.#folder, 'migrated.db');
  readonly #file = join(this.#folder, 'store.db');
  #opened: readonly Store[] = [];

  async open(clock: HistoryClock): Promise<readonly Store[]> {
    if (!existsSync(this.#pattern)) {
      const [store] = await this.#openFile(this.#pattern, clock, 1);
      await store?.close();
    }
    copyFileSync(this.#pattern, this.#file);
    this.#opened = await this.#openFile(this.#file, clock, PROCESSES);
    return this.#opened;
  }

  async removeRow(entityId: string): Promise<void> {
    const database = new DatabaseSync(this.#file);
    database.prepare(`DELETE FROM ${VIEW.table} WHERE ${VIEW.keyColumn} = ?`).run(entityId);
    database.close();
  }

  async release(): Promise<void> {
    for (const store of this.#opened) await store.close();
    for (const end of ['', '-wal', '-shm']) rmSync(`${this.#file}${end}`, { force: true });
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #openFile(file: string, clock: HistoryClock, processes: number): Promise<Store[]> {
    const now = () => clock.now();
    const time = { now, shown: (_: unknown, atMs: number) => atMs, leaseNow: now, fix: () => {} };
    const stores: Store[] = [];
    for (let process = 0; process < processes; process++) {
      const opened = openSqliteStore({ file, clock, time, targets: TARGETS });
      stores.push((await opened.migrate(migrationAt(clock))).store);
    }
    return stores;
  }
}
