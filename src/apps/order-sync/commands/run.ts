import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function runCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'run',
    summary: 'Sync until stopped. The program does this without a command, too.',
    examples: [
      ['order-sync', 'Sync on the embedded log and store, in .tributary'],
      [
        'KAFKA_BROKERS=localhost:9092 DATABASE_URL=mysql://sync:secret@localhost/event_synchronization order-sync',
        'Sync on Kafka and MySQL',
      ],
    ],
    isDefault: true,
    run: async (context) => (await import('../actions/run.ts')).runRun(clock, context),
  };
}
