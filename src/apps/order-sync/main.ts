import { orders } from '../../orders/index.ts';
import { runSync } from './run-sync.ts';

await runSync(orders);
