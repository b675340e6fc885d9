/**
 * `npm run check:adoption` makes tables `orders` as ORMs and people make them. order-sync must take over each table
 * completely, or refuse it with all reasons and change nothing. The time of a takeover must be proportional to the
 * number of rows. See docs/checks.md.
 */
import { startServices } from '../services/index.ts';
import { casesFor } from './adoption/cases.ts';
import { type Place, serverPlace, sqlitePlace } from './adoption/place.ts';
import { timeSizes } from './adoption/sizes.ts';
import type { DatabaseKind } from './adoption/table-case.ts';
import { tryTable } from './adoption/trial.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';

/** The number of tables that are tried at the same time. */
const SIDE_BY_SIDE = 3;
/**
 * A row of the largest table may take at most three times as long as a row of the smallest. With ten times the rows, a
 * takeover of quadratic time would take ten times as long per row.
 */
const PROPORTION_MAX = 3;

await runCommand({
  name: 'adoption',
  summary:
    'Makes tables "orders" as ORMs and people do: order-sync must take over each one completely, or refuse it unchanged with all reasons.',
  examples: [
    'npm run check:adoption',
    'npm run check:adoption -- --database sqlite --sizes 10000,100000,1000000',
  ],
  options: [
    { name: 'database', value: 'mariadb|mysql|sqlite|all', fallback: 'all', help: 'The databases to try' },
    {
      name: 'sizes',
      value: 'numbers',
      fallback: '10000,100000',
      help: 'Rows of each table whose takeover is timed; 0 for none',
    },
    { name: 'only', value: 'text', fallback: '', help: 'Try only the tables whose name contains this text' },
  ],
  run,
});

interface Tally {
  tables: number;
  taken: number;
  refused: number;
  silentlyChanged: number;
  wrong: number;
}

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const chosen = check.choice('database', ['all', 'mariadb', 'mysql', 'sqlite']);
  const databases: readonly DatabaseKind[] = chosen === 'all' ? ['mariadb', 'mysql', 'sqlite'] : [chosen];
  const services = await startServices({
    mariadb: databases.includes('mariadb'),
    mysql: databases.includes('mysql'),
  });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const folder = check.temporaryFolder();
  let places = 0;
  const makePlace = async (database: DatabaseKind): Promise<Place> => {
    places++;
    const place =
      database === 'sqlite'
        ? sqlitePlace(folder, `place-${places}`)
        : await serverPlace(services[database].url);
    return place;
  };
  const tally: Tally = { tables: 0, taken: 0, refused: 0, silentlyChanged: 0, wrong: 0 };
  const timings: Record<string, number> = {};
  for (const database of databases) {
    const queue = casesFor(database).filter(({ name }) => name.includes(check.text('only')));
    const work = async () => {
      for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
        check.signal.throwIfAborted();
        const { faults, ...counted } = await tryTable(table, await makePlace(database), folder);
        tally.tables++;
        tally.taken += counted.taken;
        tally.refused += counted.refused;
        tally.silentlyChanged += counted.silentlyChanged;
        tally.wrong += faults.length;
        for (const fault of faults) check.progress(`WRONG: ${database}, ${table.name}: ${fault}`);
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    Object.assign(timings, await timeSizes(check, database, () => makePlace(database), folder));
  }
  const slowest = Object.entries(timings).filter(([name]) => name.startsWith('proportion_'));
  const isInProportion = slowest.every(([, times]) => times <= PROPORTION_MAX);
  return {
    databases: databases.join(','),
    tables: tally.tables,
    taken_over: tally.taken,
    refused: tally.refused,
    silently_changed: tally.silentlyChanged,
    wrong: tally.wrong,
    ...timings,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ok: tally.silentlyChanged === 0 && tally.wrong === 0 && tally.tables > 0 && isInProportion,
  };
}
