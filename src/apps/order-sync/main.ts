import { systemClock } from '../../adapters/system-clock.ts';
import { runCli } from '../shared/cli/cli.ts';
import { keysMakeCommand } from '../shared/cli/keys-command.ts';
import { adoptCommand } from './commands/adopt.ts';
import { checkTargetCommand } from './commands/check-target.ts';
import { partitionsCommand, resumeCommand, runCommand } from './commands/index.ts';
import { migrateCommand } from './commands/migrate.ts';
import { parkedCommand, unparkCommand } from './commands/parked.ts';
import { quarantineCommand } from './commands/quarantine.ts';
import { reconcileCommand } from './commands/reconcile.ts';
import { deadLettersCommand, jobsCommand, redriveCommand } from './commands/redrive.ts';
import { takeGroupCommand } from './commands/take-group.ts';

process.exitCode = await runCli(
  {
    program: 'order-sync',
    summary: 'Journals order and payment events, keeps the view of the orders, and delivers the ready ones.',
    examples: [
      ['order-sync', 'Sync on the embedded log and store, in .tributary'],
      [
        'KAFKA_BROKERS=localhost:9092 DATABASE_URL=mysql://sync:secret@localhost/event_synchronization order-sync',
        'Sync on Kafka and MySQL',
      ],
      ['order-sync partitions', 'See how far it is, and what is halted'],
    ],
    commands: [
      runCommand(systemClock),
      adoptCommand(systemClock),
      partitionsCommand(systemClock),
      resumeCommand(systemClock),
      takeGroupCommand(systemClock),
      quarantineCommand(systemClock),
      migrateCommand(systemClock),
      parkedCommand(systemClock),
      unparkCommand(systemClock),
      checkTargetCommand(),
      deadLettersCommand(systemClock),
      redriveCommand(systemClock),
      jobsCommand(systemClock),
      reconcileCommand(systemClock),
      keysMakeCommand('order-sync', 'ORDER_SYNC_API_KEYS'),
    ],
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
