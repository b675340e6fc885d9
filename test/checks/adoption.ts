/**
 * `npm run check:adoption`: tables called `orders` as ORMs and people make them. Each has to be taken over wholly, or be
 * refused with every thing named and nothing changed; and taking over has to take time in proportion to the rows. See
 * docs/checks.md.
 */
import { startServices } from '../services/index.ts';
import { casesFor, type DatabaseKind, fillTable, type TableCase } from './adoption/cases.ts';
import { adopt } from './adoption/command.ts';
import { faultsOfRefusal, faultsOfTaking } from './adoption/outcome.ts';
import { type Place, serverPlace, sqlitePlace } from './adoption/place.ts';
import { timeSizes } from './adoption/sizes.ts';
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
        await tryTable(check, database, table, await makePlace(database), folder, tally);
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

async function tryTable(
  check: RunningCheck,
  database: DatabaseKind,
  table: TableCase,
  place: Place,
  folder: string,
  tally: Tally,
): Promise<void> {
  const wrong = (fault: string) => {
    tally.wrong++;
    check.progress(`WRONG: ${database}, ${table.name}: ${fault}`);
  };
  tally.tables++;
  try {
    await place.run(table.sql);
    for (const sql of [...fillTable(table), ...(table.afterwards ?? [])]) await place.run(sql);
    const rows = await place.ask('SELECT * FROM orders');
    const before = await place.snapshot();
    const dryRun = await adopt(place, folder, ['--dry-run', ...(table.with ?? [])]);
    if ((await place.snapshot()) !== before) {
      tally.silentlyChanged++;
      wrong('a dry run changed the database');
    }
    const answer = await adopt(place, folder, table.with ?? []);
    if (dryRun.verdict !== answer.verdict)
      wrong(`a dry run said ${dryRun.verdict}, and then it was ${answer.verdict}`);
    if (table.refused === undefined) {
      if (answer.verdict !== 'take') return wrong(`was not taken over: ${answer.said}`);
      tally.taken++;
      for (const fault of await faultsOfTaking(table, place, rows)) wrong(fault);
      return;
    }
    if (answer.verdict === 'take') {
      tally.silentlyChanged++;
      return wrong('was taken over, and had to be refused');
    }
    tally.refused++;
    const { isChanged, faults } = faultsOfRefusal(table, answer, before, await place.snapshot());
    if (isChanged) {
      tally.silentlyChanged++;
      wrong('was refused, and the database is not as it was');
    }
    for (const fault of faults) wrong(`${fault}: ${answer.said}`);
    if (table.takenWith === undefined) return;
    const second = await adopt(place, folder, table.takenWith);
    if (second.verdict !== 'take') return wrong(`was not taken over with ${table.takenWith}: ${second.said}`);
    tally.taken++;
    for (const fault of await faultsOfTaking(table, place, rows)) wrong(fault);
  } catch (error) {
    wrong(error instanceof Error ? error.message : String(error));
  } finally {
    await place.drop();
  }
}
