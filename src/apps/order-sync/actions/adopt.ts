import { type AdoptionReport, reportText } from '../../../core/adoption/index.ts';
import { createAdopter } from '../../../pipeline/adopt.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { MigrationOptions } from '../../../ports/migration.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { domainOf } from '../../shared/settings/synced.ts';
import { openCommandStore } from '../open-parts.ts';
import { targetNames } from '../targets/targets.ts';

export async function runAdopt(
  clock: Clock,
  { settings, logger, output }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const store = await openCommandStore(settings, clock, logger);
  try {
    const domain = domainOf(settings);
    const { table, keyColumn, columns } = domain.view;
    const nowMs = clock.now();
    const adopter = createAdopter(domain);
    const options: MigrationOptions = {
      view: { table, keyColumn, columns },
      foldVersion: domain.foldVersion ?? 1,
      targets: targetNames(settings),
      adopt: adopter === null ? null : (entityId, row) => adopter(entityId, row, nowMs),
      choices: {
        leavesOtherColumns: input.options.keepOriginalColumns === true,
        takesDeletedRows: input.options.withDeletedRows === true,
      },
      nowMs,
    };
    const report = await store.examineView(options);
    const isTaken = report.verdict === 'take' && input.options.dryRun !== true;
    if (isTaken) await store.migrate(options);
    await output.document({ ...report, takenOver: isTaken }, text(report, isTaken));
    return report.verdict === 'refuse' ? EXIT.failure : EXIT.ok;
  } finally {
    await store.close();
  }
}

function text(report: AdoptionReport, isTaken: boolean): string {
  if (!isTaken) return reportText(report);
  return `${reportText(report)}\nThe table was taken over. The original table is now called ${report.table}_original.`;
}
