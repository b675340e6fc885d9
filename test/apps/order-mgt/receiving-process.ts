import { orderState } from '../../contract/order-states.ts';
import { mysqlStates } from '../../helpers/order-states.ts';

/** A process that receives one delivery and prints its effect. */
const states = await mysqlStates(process.argv[2] as string);
process.stdout.write('open\n');
const outcome = await states.receive([{ deliveryId: 'a', state: orderState(), receivedAtMs: 0 }]).then(
  (receipts) => receipts.map(({ effect }) => effect).join(),
  (error: { code: string }) => error.code,
);
process.stdout.write(`${outcome}\n`);
await states.close();
