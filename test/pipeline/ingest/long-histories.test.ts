import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { migrate } from './harness.ts';
import { describeLongHistories } from './long-histories.ts';

describeLongHistories(
  'SQLite',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-long-'));
    const file = join(folder, 'stock.sqlite');
    const store = await migrate(openSqliteStore({ file, clock: systemClock, targets: ['warehouse'] }));
    const database = new DatabaseSync(file, { timeout: 5_000 });
    return {
      store,
      sql: async (statement) => database.exec(statement),
      async close() {
        database.close();
        await store.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
  40,
);
