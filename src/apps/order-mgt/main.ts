import { runCli } from '../shared/cli/cli.ts';
import { processHost } from '../shared/cli/process-host.ts';
import { commandsOf } from './commands/index.ts';

// The thread pool of this program only waits for the disk (wal-sync.ts), one wait at a time. Four threads that take turns
// cost 4 % of the single deliveries per second. libuv reads this variable at the first use of the pool, which comes later.
process.env.UV_THREADPOOL_SIZE ??= '1';

process.exitCode = await runCli(
  {
    program: 'order-mgt',
    summary:
      'The target system: takes the states of orders over HTTP, keeps the latest of each, and answers readers.',
    examples: [
      ['order-mgt', 'Listen on port 3001'],
      ['ORDER_MGT_SECRET=whsec_... order-mgt --host 0.0.0.0', 'Take signed deliveries from other machines'],
      ['order-mgt keys make --name dashboard', 'Make a key to read by'],
      ["curl 'localhost:3001/api/orders/order123?wait=5'", 'Read an order as soon as it is there'],
    ],
    commands: commandsOf(),
  },
  processHost(),
);
