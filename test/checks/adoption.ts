/**
 * `npm run check:adoption`: tables called `orders` as ORMs and people make them. Each has to be taken over wholly, or be
 * refused with every thing named and nothing changed; and taking over has to take time in proportion to the rows. See
 * docs/checks.md.
 */
import { startServices } from '../services/index.ts';
import { casesFor, type DatabaseKind } from './adoption/cases.ts';
import { type Place, serverPlace, sqlitePlace } from './adoption/place.ts';
import { timeSizes } from './adoption/sizes.ts';
import { tryTable } from './adoption/trial.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';

/** Tables that are tried side by side. */
const SIDE_BY_SIDE = 3;
/** A size takes at most so many times as long for each row as the smallest: what grows with the square takes ten times. */
const PROPORTION_MAX = 3;

await runCommand({
  name: 'adoption',
  summary:
    'Tables "orders" as ORMs and people make them: each is taken over wholly, or refused untouched with every thing named.',
  examples: [
    'npm run check:adoption',
    'npm run check:adoption -- --database sqlite --sizes 10000,100000,1000000',
  ],
  options: [
    { name: 'database', value: 'mariadb|mysql|sqlite|all', fallback: 'all', help: 'Where the tables are' },
    {
      name: 'sizes',
      value: 'numbers',
      fallback: '10000,100000',
      help: 'Rows of the tables that are timed; 0 for none',
    },
    { name: 'only', value: 'text', fallback: '', help: 'Only tables whose name has this in it' },
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
