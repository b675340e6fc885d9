import { TributaryError } from '../../../core/errors.ts';
import { partitionName } from '../../../core/offset.ts';
import { sentenceOf } from '../../../pipeline/holds.ts';
import type { Clock } from '../../../ports/clock.ts';
import { holdOver } from '../../../ports/holds.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { decisionFrom } from '../decision.ts';
import { holdsIn } from '../hold-parts.ts';
import { openParts } from '../open-parts.ts';
import { carryOut, plannedJson, plannedLine, planResumeAll, resumeOne } from '../resuming.ts';

export async function runResume(
  clock: Clock,
  context: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  return input.options.all === true ? resumeAll(clock, context, input) : resumeNamed(clock, context, input);
}

async function resumeNamed(
  clock: Clock,
  { settings, logger, output }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const { at, skip, kind, dryRun } = input.options;
  const [name] = input.arguments;
  if (name === undefined)
    throw new TributaryError(
      'usage',
      'resume needs <partition> after it, as in order_events/3, or --all. See order-sync resume --help',
    );
  if (kind !== undefined || dryRun === true)
    throw new TributaryError('usage', '--kind and --dry-run belong to --all: see order-sync resume --help');
  const decision = decisionFrom(input, clock);
  const { store, log, close } = await openParts(settings, clock, logger);
  try {
    const request = { name, at: typeof at === 'string' ? at : undefined, skips: skip === true };
    const words = { at: '--at', skip: '--skip' };
    const { before, ...target } = await resumeOne({ store, log }, request, decision, words);
    const hold = holdOver({ kind: 'partition', ...target }, await holdsIn(store));
    const rests = hold === null ? '' : ` It is not read before that pause ends. ${sentenceOf(hold)}.`;
    const { decidedBy, reason } = decision;
    await output.document(
      { ...target, decidedBy, reason },
      before.haltReason !== null
        ? `${partitionName(target)} goes on at offset ${target.offset}; the instance that halted it sees that within seconds.${rests}`
        : `${partitionName(target)} was not halted: it stood at offset ${before.nextOffset}, and goes on at offset ${target.offset}. A running ` +
            `order-sync that has it ${target.offset < before.nextOffset ? 'reads again from there within seconds' : 'sees that at its next commit, or when it is started again'}.${rests}`,
    );
    return EXIT.ok;
  } finally {
    await close();
  }
}

async function resumeAll(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const { at, kind, skip } = input.options;
  if (input.arguments.length > 0)
    throw new TributaryError('usage', 'Give the name of a partition, or --all, and not both.');
  if (skip === true)
    throw new TributaryError('usage', '--skip belongs to one partition: --all lets only halted ones go on.');
  if (at !== undefined && at !== 'earliest')
    throw new TributaryError(
      'usage',
      'An offset belongs to one partition: with --all, leave --at out, or give --at earliest.',
    );
  const isDryRun = input.options.dryRun === true;
  const decision = isDryRun ? null : decisionFrom(input, clock);
  const { store, log, close } = await openParts(settings, clock, logger);
  try {
    const filter = { kind: typeof kind === 'string' ? kind : null, fromStart: at === 'earliest' };
    const plan = await planResumeAll({ store, log }, filter);
    const outcomes =
      decision === null
        ? plan.map((planned) => ({ planned, failure: planned.to === null ? planned.explanation : null }))
        : await carryOut({ store }, plan, decision);
    for (const { planned, failure } of outcomes) {
      const resumed = decision !== null && failure === null;
      const failed = planned.to !== null && failure !== null ? `  FAILED: ${failure}` : '';
      await output.row(
        plannedJson(planned, { resumed, failure }),
        `${plannedLine(planned, isDryRun || failed !== '')}${failed}`,
      );
    }
    await output.endRows();
    if (plan.length === 0)
      note(
        kind === undefined
          ? 'No partition is halted.'
          : `No partition is halted by ${kind}: see order-sync partitions.`,
      );
    return outcomes.some(({ failure }) => failure !== null) ? EXIT.partial : EXIT.ok;
  } finally {
    await close();
  }
}
