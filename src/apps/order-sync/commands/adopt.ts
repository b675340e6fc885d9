import { type AdoptionReport, reportText } from '../../../core/adoption/index.ts';
import { orders } from '../../../orders/index.ts';
import { createAdopter } from '../../../pipeline/adopt.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { MigrationOptions } from '../../../ports/migration.ts';
import type { CommandSpec } from '../../shared/cli/cli.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { openCommandStore } from '../order-sync.ts';
import { moreTargets, TARGET } from '../targets/targets.ts';

export function adoptCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'adopt',
    summary:
      "Look at a table orders that another program made, and take it over if nothing stands in the way. A start does the same; only this command can leave the table's other columns behind.",
    options: [
      ['--dry-run', 'Only say what is there and what stands in the way; change nothing.'],
      [
        '--keep-original-columns',
        'Take over a table with more columns: they stay, with all rows, in orders_original alone.',
      ],
      [
        '--with-deleted-rows',
        'Take over rows that are marked as deleted (deleted_at and its like) as any other.',
      ],
    ],
    examples: [
      [
        'order-sync adopt --dry-run',
        'Everything that stands in the way, each with its remedy; exit code 1 if something does',
      ],
      ['order-sync adopt --dry-run --json', 'The same for a program'],
      ['order-sync adopt --keep-original-columns', 'Take the table over, and leave its other columns behind'],
    ],
    async run({ settings, log, output }, input) {
      const store = openCommandStore(settings, clock, log);
      try {
        const { table, keyColumn, columns } = orders.view;
        const nowMs = clock.now();
        const adopter = createAdopter(orders);
        const options: MigrationOptions = {
          view: { table, keyColumn, columns },
          targets: [TARGET, ...moreTargets(settings).map(({ name }) => name)],
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
  return `${reportText(report)}\nIt was taken over: the table as it was is called ${report.table}_original now.`;
}
