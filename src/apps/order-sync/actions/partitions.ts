import { resolve } from 'node:path';
import { partitionName } from '../../../core/offset.ts';
import { sentenceOf } from '../../../pipeline/holds.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext } from '../../shared/cli/spec.ts';
import { isKafka } from '../../shared/parts/open-log.ts';
import { topicsOf } from '../../shared/settings/synced.ts';
import { openParts } from '../open-parts.ts';
import { type PartitionRow, partitionJson, readPartitions } from '../partition-rows.ts';

export async function runPartitions(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
): Promise<number> {
  const { store, log, close } = await openParts(settings, clock, logger);
  try {
    const { rows, missingTopics } = await readPartitions(topicsOf(settings), {
      store,
      log,
    });
    if (rows.length > 0) await output.heading('PARTITION  JOURNALED UP TO  IN THE LOG');
    for (const row of rows) await output.row(partitionJson(row), partitionLine(row));
    await output.endRows();
    for (const name of missingTopics)
      note(
        isKafka(settings)
          ? `There is no topic ${name} at ${settings.kafkaBrokers.join(', ')}: order-sync waits for it. Make it, or correct ORDER_TOPIC and PAYMENT_TOPIC.`
          : `There is no topic ${name} in ${resolve(settings.dataDirectory)}: order-sync and event-producer make it when they first run there.`,
      );
    return EXIT.ok;
  } finally {
    await close();
  }
}

function partitionLine(row: PartitionRow): string {
  const { nextOffset, logStartOffset, logEndOffset, haltReason, hold } = row;
  const next = nextOffset === null ? 'not begun' : `next ${nextOffset}`;
  const inLog =
    logStartOffset === null ? 'NOT READABLE (no leader?)' : `log ${logStartOffset}..${logEndOffset}`;
  const halted = haltReason === null ? '' : `  HALTED: ${haltReason}`;
  const waiting =
    row.waitingForTransaction === 0
      ? ''
      : `  ${row.waitingForTransaction} records wait behind the transaction ${row.transactionalId ?? '(its name is not known)'}`;
  const paused = hold === null ? '' : `  ${sentenceOf(hold)}`;
  return `${partitionName(row)}  ${next}  ${inLog}${waiting}${halted}${paused}`;
}
