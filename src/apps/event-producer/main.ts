import { systemClock } from '../../adapters/system-clock.ts';
import { runCli } from '../shared/cli/cli.ts';
import { processHost } from '../shared/cli/process-host.ts';
import { commandsOf } from './commands/index.ts';

process.exitCode = await runCli(
  {
    program: 'event-producer',
    summary: "The source's side: publishes order and payment events.",
    examples: [
      ['event-producer o order123 pa order123', 'Order order123 was created, and its payment authorised'],
      ['event-producer send events.ndjson', 'Events from a file, one JSON body a line'],
      ['event-producer inspect order_events', 'What the records of a topic are, and which settings fit'],
      ['event-producer load --orders 1000 --duplicate-rate 0.1', 'A thousand orders with duplicates'],
    ],
    commands: commandsOf(systemClock),
  },
  processHost(),
);
