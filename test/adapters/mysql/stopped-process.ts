import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import {
  acquireOne,
  batchOf,
  change,
  migrateParcels,
  move,
  SettableClock,
  TARGETS,
} from '../../contract/store/fixtures.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';

/**
 * A process that stops itself inside a transaction, after its checkpoint was moved, and prints the outcome of the
 * transaction once it is continued.
 */
const url = process.argv[2] as string;
const clock = new SettableClock();
const options = { ...mysqlServer(url), clock, logger: () => {}, targets: TARGETS, connections: 2 };
const store = await migrateParcels(openMysqlStore(options), clock);
const checkpoint = await acquireOne(store);
const changes = [change('parcel', 0)];
const outcome = await store
  .commit(
    batchOf([move(checkpoint)], changes, {
      mode: 'locking',
      plan: async () => {
        process.stdout.write('stopping\n');
        process.kill(process.pid, 'SIGSTOP');
        return changes;
      },
    }),
  )
  .then(
    ({ kind }) => kind,
    (error: { code: string }) => error.code,
  );
process.stdout.write(`woken: ${outcome}\n`);
await store.close();
