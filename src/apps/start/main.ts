import { systemClock } from '../../adapters/system-clock.ts';
import { runCli } from '../shared/cli/cli.ts';
import { processHost } from '../shared/cli/process-host.ts';
import { commandsOf } from './commands/index.ts';

process.exitCode = await runCli(
  {
    program: 'tributary',
    summary: 'Runs order-sync and order-mgt in one process, with a few orders to look at.',
    examples: [
      ['npm start', 'Everything on the embedded log and store, in .tributary'],
      ['npm start -- --demo=false', 'Without the demonstration orders'],
      [
        'npm start -- --data-dir /tmp/tributary --order-sync-port 4000 --order-mgt-port 4001',
        'On another data directory and other ports',
      ],
      ['npm run event-producer -- o order123 pa order123', 'In another terminal: publish events'],
    ],
    commands: commandsOf(systemClock),
  },
  processHost(),
);
