import { userInfo } from 'node:os';
import { TributaryError } from '../../../core/errors.ts';
import { type Position, partitionName } from '../../../core/offset.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandInput, CommandSpec } from '../../shared/cli/spec.ts';
import { openParts } from '../order-sync.ts';

export function resumeCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'resume',
    summary:
      'Let a halted partition go on from an offset that you choose. The decision is recorded for ever.',
    arguments: [['<partition>', 'The name of the partition, as in order_events/3.']],
    options: [
      ['--at <offset>', 'The offset to go on from, or "earliest" for the oldest that the log has.'],
      ['--reason <text>', 'The reason, which is recorded.'],
      ['--by <name>', 'The person who decides (default: the user of the system).'],
      ['--skip', 'Leave records out, although the partition is not halted.'],
    ],
    examples: [
      [
        'order-sync resume order_events/3 --at earliest --reason "retention was too short; the gap is accepted"',
        'Go on with the records that the log still has',
      ],
      ['order-sync partitions', 'See first which partitions are halted, and why'],
    ],
    async run({ settings, logger, output }, input) {
      const name = input.arguments[0] ?? '';
      const reason = String(input.options.reason ?? '').trim();
      if (reason === '')
        throw new TributaryError('usage', 'Give the reason by --reason: it is recorded with the decision.');
      const { store, log, close } = await openParts(settings, clock, logger);
      try {
        const [topic = '', number = ''] = splitName(name);
        const described = (await log.describe([topic]))[0];
        const range = described?.partitions.find((found) => String(found.partition) === number);
        if (described !== undefined && range === undefined && Number(number) < described.partitionCount) {
          throw new TributaryError(
            'log_unreachable',
            `${name} cannot be read now, so its first and last offsets are unknown. Does it have a leader?`,
          );
        }
        if (described === undefined || range === undefined) {
          throw new TributaryError(
            'usage',
            `The log has no partition ${JSON.stringify(name)}; give one as in order_events/3.`,
          );
        }
        const at = offsetFrom(input.options.at, range.startOffset, range.endOffset);
        const target: Position = { topic, partition: range.partition, offset: at };
        const before = (await store.checkpoints()).find(
          (checkpoint) => partitionName(checkpoint) === partitionName(target),
        );
        const isHalted = (before?.haltReason ?? null) !== null;
        if (before !== undefined && !isHalted && at > before.nextOffset && input.options.skip !== true) {
          throw new TributaryError(
            'usage',
            `${name} is not halted: it stands at offset ${before.nextOffset} and goes on by itself. To leave out what lies ` +
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
    const what =
      given === undefined ? 'Give the offset to go on from by --at' : `--at is ${JSON.stringify(given)}`;
    throw new TributaryError('usage', `${what}: give an offset from ${start} to ${end}, or "earliest".`);
  }
  const offset = BigInt(given);
  if (offset < start || offset > end) {
    throw new TributaryError('usage', `The log has offsets ${start} to ${end}; ${offset} is not among them.`);
  }
  return offset;
}
