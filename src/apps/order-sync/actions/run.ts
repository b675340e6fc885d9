import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext } from '../../shared/cli/spec.ts';
import { hasTarget } from '../../shared/settings/settle-foreign.ts';
import { SYNCED_ORDERS } from '../../shared/settings/synced.ts';
import { CONSOLE_PLACE } from '../console/console-build.ts';
import { startOrderSync } from '../order-sync.ts';

export async function runRun(
  clock: Clock,
  { settings, settingEntries, logger, shutdown }: CommandContext<'order-sync'>,
): Promise<number> {
  if (settings.synced !== SYNCED_ORDERS && !hasTarget(settingEntries))
    logger(
      'info',
      'Nothing is sent, because ORDER_SYNC_TARGET_URL is not set. States that become due wait in the database.',
    );
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
  shutdown.defer(settings.synced.program, () => orderSync.close());
  await Promise.race([shutdown.requested, failed.promise]);
  if (failure !== null) throw failure;
  return EXIT.ok;
}
