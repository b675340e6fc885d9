import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { TributaryError } from '../../../core/errors.ts';
import { type PartitionOffset, partitionName } from '../../../core/offset.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { TopicDescription } from '../../../ports/event-log.ts';
import type { CommandInput, CommandSpec } from '../../shared/cli/cli.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { isKafka } from '../../shared/parts/open-log.ts';
import { openParts, startOrderSync, topicNamesOf } from '../order-sync.ts';

export function runCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'run',
    summary: 'Sync until stopped (what the program does without a command).',
    examples: [
      ['order-sync', 'On the embedded log and store, in .tributary'],
      [
        'KAFKA_BROKERS=localhost:9092 DATABASE_URL=mysql://sync:secret@localhost/event_synchronization order-sync',
        'On Kafka and MySQL',
      ],
    ],
    isDefault: true,
    async run({ settings, log, shutdown }) {
      let failure: unknown = null;
      const failed = Promise.withResolvers<void>();
      const orderSync = await startOrderSync(settings, {
        clock,
        logger: log,
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

export function partitionsCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'partitions',
    summary: 'How far each partition is journaled, what the log still has, and which ones are halted.',
    examples: [
      ['order-sync partitions', 'A line for each partition'],
      ['order-sync partitions --json', 'The same for a program'],
    ],
    async run({ settings, log: logger, output, note }) {
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

/** A range for every partition of the topic, without offsets where the log can't be read just now. */
function rangesOf({ topic, partitionCount, partitions }: TopicDescription) {
  return Array.from({ length: partitionCount }, (_, partition) => {
    const range = partitions.find((found) => found.partition === partition);
    return range ?? { topic, partition, startOffset: null, endOffset: null };
  });
}

export function resumeCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'resume',
    summary:
      'Let a halted partition go on from an offset that you choose; the decision is recorded for ever.',
    arguments: [['<partition>', 'As in order_events/3.']],
    options: [
      ['--at <offset>', 'The offset to go on from, or "earliest": the oldest that the log has.'],
      ['--reason <text>', 'Why, for those who ask later.'],
      ['--by <name>', 'Who decides (default: the user of the system).'],
      ['--skip', 'Leave records out although the partition is not halted.'],
    ],
    examples: [
      [
        'order-sync resume order_events/3 --at earliest --reason "retention was too short; the gap is accepted"',
        'Go on with what the log still has',
      ],
      ['order-sync partitions', 'See first what is halted, and why'],
    ],
    async run({ settings, log: logger, output }, input) {
      const position = input.arguments[0] ?? '';
      const reason = String(input.options.reason ?? '').trim();
      if (reason === '')
        throw new TributaryError('usage', 'Say why with --reason: the decision is recorded with it.');
      const { store, log, close } = await openParts(settings, clock, logger);
      try {
        const [topic = '', number = ''] = splitName(position);
        const described = (await log.describe([topic]))[0];
        const range = described?.partitions.find((found) => String(found.partition) === number);
        if (described !== undefined && range === undefined && Number(number) < described.partitionCount) {
          throw new TributaryError(
            'log_unreachable',
            `${position} can't be read just now, so where it begins and ends is not known. Has it a leader?`,
          );
        }
        if (described === undefined || range === undefined) {
          throw new TributaryError(
            'usage',
            `The log has no partition ${JSON.stringify(position)}; give one as in order_events/3.`,
          );
        }
        const at = offsetFrom(input.options.at, range.startOffset, range.endOffset);
        const target: PartitionOffset = { topic, partition: range.partition, offset: at };
        const before = (await store.checkpoints()).find(
          (checkpoint) => partitionName(checkpoint) === partitionName(target),
        );
        const isHalted = (before?.haltReason ?? null) !== null;
        if (before !== undefined && !isHalted && at > before.nextOffset && input.options.skip !== true) {
          throw new TributaryError(
            'usage',
            `${position} is not halted: it stands at offset ${before.nextOffset} and goes on by itself. To leave out what lies ` +
              `before offset ${at} all the same, add --skip. See order-sync partitions.`,
          );
        }
        const by = String(input.options.by ?? userInfo().username);
        await store.resume({
          ...target,
          topicId: described.topicId,
          decidedBy: by,
          reason,
          decidedAtMs: clock.now(),
        });
        await output.document(
          { ...target, decidedBy: by, reason },
          isHalted
            ? `${partitionName(target)} goes on at offset ${at}; the instance that halted it sees that within seconds.`
            : `${partitionName(target)} was not halted: it stood at offset ${before?.nextOffset}, and goes on at offset ${at}. A running ` +
                'order-sync that has it sees that at its next commit, or when it is started again.',
        );
        return EXIT.ok;
      } finally {
        await close();
      }
    },
  };
}

function splitName(name: string): [string, string] | [] {
  const slash = name.lastIndexOf('/');
  return slash < 0 ? [] : [name.slice(0, slash), name.slice(slash + 1)];
}

function offsetFrom(given: CommandInput['options'][string], start: bigint, end: bigint): bigint {
  if (given === 'earliest') return start;
  if (typeof given !== 'string' || !/^\d{1,19}$/.test(given)) {
    const what = given === undefined ? 'Say where to go on by --at' : `--at is ${JSON.stringify(given)}`;
    throw new TributaryError('usage', `${what}: give an offset from ${start} to ${end}, or "earliest".`);
  }
  const offset = BigInt(given);
  if (offset < start || offset > end) {
    throw new TributaryError('usage', `The log has offsets ${start} to ${end}; ${offset} is not among them.`);
  }
  return offset;
}
