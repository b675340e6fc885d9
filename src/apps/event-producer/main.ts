import { systemClock } from '../../adapters/system-clock.ts';
import { type CliSpec, runCli } from '../shared/cli/cli.ts';
import { loadCommand } from './commands/load.ts';
import { publishCommand } from './commands/publish.ts';
import { sendCommand } from './commands/send.ts';

const others = [sendCommand(systemClock), loadCommand(systemClock)];

const eventProducer: CliSpec<'event-producer'> = {
  program: 'event-producer',
  summary: "The source's side: publishes order and payment events.",
  examples: [
    ['event-producer o order123 pa order123', 'Order order123 was created, and its payment authorised'],
    ['event-producer send events.ndjson', 'Events from a file, one JSON body a line'],
    ['event-producer load --orders 1000 --duplicate-rate 0.1', 'A thousand orders with duplicates'],
  ],
  commands: [
    publishCommand(systemClock, [...others.map((command) => command.name), 'config', 'completion']),
    ...others,
  ],
};

process.exitCode = await runCli(eventProducer, {
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
  exit: (code) => process.exit(code),
});
