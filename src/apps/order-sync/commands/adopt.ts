import { type AdoptionReport, reportText } from '../../../core/adoption/index.ts';
import { createAdopter } from '../../../pipeline/adopt.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { MigrationOptions } from '../../../ports/migration.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { domainOf } from '../../shared/settings/synced.ts';
import { openCommandStore } from '../order-sync.ts';
import { targetNames } from '../targets/targets.ts';

export function adoptCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'adopt',
    summary:
      "Look at a table orders that another program made, and take it over if nothing prevents that. A start does the same, but only this command can leave the table's other columns behind.",
    options: [
      ['--dry-run', 'Only show what the table holds and what prevents taking it over. Change nothing.'],
      [
        '--keep-original-columns',
        'Take over a table with more columns. These columns are kept, with all rows, in orders_original alone.',
      ],
      [
        '--with-deleted-rows',
        'Take over the rows that are marked as deleted (by deleted_at or a similar column), too.',
      ],
    ],
    examples: [
      [
        'order-sync adopt --dry-run',
        'Show everything that prevents taking the table over, with remedies; then the exit code is 1',
      ],
      ['order-sync adopt --dry-run --json', 'The same as JSON'],
      ['order-sync adopt --keep-original-columns', 'Take the table over, and leave its other columns behind'],
    ],
    async run({ settings, logger, output }, input) {
      const store = openCommandStore(settings, clock, logger);
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
    },
  };
}

function text(report: AdoptionReport, isTaken: boolean): string {
  if (!isTaken) return reportText(report);
  return `${reportText(report)}\nThe table was taken over. The original table is now called ${report.table}_original.`;
}
