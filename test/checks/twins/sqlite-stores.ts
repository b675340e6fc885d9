import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import { FAST_FOLDER } from './real-logs.ts';
import type { HistoryClock } from './store-caller.ts';
import { TARGETS, VIEW } from './store-caller.ts';
import type { RealStores } from './stores.ts';

/** SQLite files, each a copy of one migrated file. */
export class SqliteStores implements RealStores {
  readonly #folder = mkdtempSync(join(FAST_FOLDER, 'tributary-twins-'));
  readonly #pattern = join(this.#folder, 'migrated.db');
  readonly #file = join(this.#folder, 'store.db');

  async open(clock: HistoryClock, isAnother: boolean): Promise<OpenedStore> {
    if (!existsSync(this.#pattern)) await this.#migrate(clock);
    if (!isAnother) copyFileSync(this.#pattern, this.#file);
    return this.#openFile(this.#file, clock);
  }

  async removeRow(entityId: string): Promise<void> {
    const database = new DatabaseSync(this.#file);
    database.prepare(`DELETE FROM ${VIEW.table} WHERE ${VIEW.keyColumn} = ?`).run(entityId);
    database.close();
  }

  async release(): Promise<void> {
    for (const end of ['', '-wal', '-shm']) rmSync(`${this.#file}${end}`, { force: true });
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #migrate(clock: HistoryClock): Promise<void> {
    const store = this.#openFile(this.#pattern, clock);
    await store.migrate({ view: VIEW, targets: TARGETS, adopt: null, nowMs: clock.now() });
    await store.close();
  }

  #openFile(file: string, clock: HistoryClock): OpenedStore {
    const now = () => clock.now();
    const time = { now, shown: (_: unknown, atMs: number) => atMs, leaseNow: now, fix: () => {} };
    return openSqliteStore({ file, clock, time, targets: TARGETS });
  }
}
