import { resolve } from 'node:path';
import { partitionName } from '../../../core/offset.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { TopicDescription } from '../../../ports/event-log.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { isKafka } from '../../shared/parts/open-log.ts';
import { openParts, topicNamesOf } from '../order-sync.ts';

export function partitionsCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'partitions',
    summary:
      'Show how far each partition is journaled, which offsets the log has, and which partitions are halted.',
    examples: [
      ['order-sync partitions', 'One line for each partition'],
      ['order-sync partitions --json', 'The same as JSON'],
    ],
    async run({ settings, logger, output, note }) {
      const { store, log, close } = await openParts(settings, clock, logger);
      try {
        const checkpoints = await store.checkpoints();
        const names = Object.values(topicNamesOf(settings));
        const topics = await log.describe(names);
        if (topics.length > 0) await output.heading('PARTITION  JOURNALED UP TO  IN THE LOG');
        for (const range of topics.flatMap(rangesOf)) {
          const name = partitionName(range);
          const checkpoint = checkpoints.find((found) => partitionName(found) === name);
          const { startOffset, endOffset } = range;
          const row = {
            topic: range.topic,
            partition: range.partition,
            nextOffset: checkpoint?.nextOffset ?? null,
            logStartOffset: startOffset,
            logEndOffset: endOffset,
            epoch: checkpoint?.epoch ?? null,
            haltReason: checkpoint?.haltReason ?? null,
          };
          const halted = row.haltReason === null ? '' : `  HALTED: ${row.haltReason}`;
          const next = row.nextOffset === null ? 'not begun' : `next ${row.nextOffset}`;
          const inLog =
            startOffset === null ? 'NOT READABLE (no leader?)' : `log ${startOffset}..${endOffset}`;
          await output.row(row, `${name}  ${next}  ${inLog}${halted}`);
        }
        await output.endRows();
        for (const name of names.filter((wanted) => topics.every(({ topic }) => topic !== wanted)))
          note(
            isKafka(settings)
              ? `There is no topic ${name} at ${settings.kafkaBrokers.join(', ')}: order-sync waits for it. Make it, or correct ORDER_TOPIC and PAYMENT_TOPIC.`
              : `There is no topic ${name} in ${resolve(settings.dataDirectory)}: order-sync and event-producer make it when they first run there.`,
          );
        return EXIT.ok;
      } finally {
        await close();
      }
    },
  };
}

/** The range of offsets of every partition. The offsets are null for a partition that cannot be read now. */
function rangesOf({ topic, partitionCount, partitions }: TopicDescription) {
  return Array.from({ length: partitionCount }, (_, partition) => {
    const range = partitions.find((found) => found.partition === partition);
    return range ?? { topic, partition, startOffset: null, endOffset: null };
  });
}
