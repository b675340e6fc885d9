import { systemClock } from '../../adapters/system-clock.ts';
import { runCli } from '../shared/cli/cli.ts';
import { commandsOf } from './commands/index.ts';

process.exitCode = await runCli(
  {
    program: 'order-sync',
    summary:
      'Journals order and payment events, keeps a view of the orders, and delivers those that are ready.',
    examples: [
      ['order-sync', 'Sync on the embedded log and store, in .tributary'],
      [
        'KAFKA_BROKERS=localhost:9092 DATABASE_URL=mysql://sync:secret@localhost/event_synchronization order-sync',
        'Sync on Kafka and MySQL',
      ],
      ['order-sync partitions', 'Show how far each partition is journaled, and which ones are halted'],
    ],
    commands: commandsOf(systemClock),
  },
  {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: process,
    exit: (code) => process.exit(code),
  },
);
