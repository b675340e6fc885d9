import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openMysqlStates } from '../../../src/apps/order-mgt/states/mysql/open.ts';
import { orderState } from '../../contract/order-states.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';

/** A process that receives one delivery, and says what became of it. */
const states = await openMysqlStates(mysqlServer(process.argv[2] as string), systemClock, () => {});
process.stdout.write('open\n');
const outcome = await states.receive([{ deliveryId: 'a', state: orderState(), receivedAtMs: 0 }]).then(
  (receipts) => receipts.map(({ effect }) => effect).join(),
  (error: { code: string }) => error.code,
);
process.stdout.write(`${outcome}\n`);
await states.close();
