import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { CONSOLE_PLACE } from '../console/console-build.ts';
import { startOrderSync } from '../order-sync.ts';

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
    async run({ settings, settingEntries, logger, shutdown }) {
      let failure: unknown = null;
      const failed = Promise.withResolvers<void>();
      const orderSync = await startOrderSync(settings, {
        clock,
        logger,
        settingEntries,
        consolePlace: CONSOLE_PLACE,
        onFailure(error) {
          failure = error;
          failed.resolve();
        },
      });
      shutdown.defer('order-sync', () => orderSync.close());
      await Promise.race([shutdown.requested, failed.promise]);
      if (failure !== null) throw failure;
      return EXIT.ok;
    },
  };
}
