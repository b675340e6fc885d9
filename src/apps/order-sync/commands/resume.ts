import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { DECISION_OPTIONS } from '../decision.ts';

export function resumeCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'resume',
    summary:
      'Let a halted partition go on from an offset that you choose, or all halted ones by the rule of their halts. Each ' +
      'decision is recorded for ever. (A pause is another thing: "order-sync unpause" ends it.)',
    arguments: [['[partition]', 'The name of the partition, as in order_events/3.']],
    options: [
      ['--at <offset>', 'The offset to go on from, or "earliest" for the oldest that the log has.'],
      ['--all', 'All halted partitions, each at the offset that its halt asks for.'],
      ['--kind <kind>', 'With --all: only halts of this kind, as in topic_recreated.'],
      ['--dry-run', 'With --all: only show where each partition would go on.'],
      ...DECISION_OPTIONS,
      ['--skip', 'Leave records out, although the partition is not halted.'],
    ],
    examples: [
      [
        'order-sync resume order_events/3 --at earliest --reason "retention was too short; the gap is accepted"',
        'Go on with the records that the log still has',
      ],
      [
        'order-sync resume --all --dry-run',
        'See where each halted partition would go on, and what that means',
      ],
      [
        'order-sync resume --all --kind topic_recreated --reason "moved to another cluster"',
        'One decision for all partitions whose topic is another one now',
      ],
      ['order-sync partitions', 'See first which partitions are halted, and why'],
    ],
    run: async (context, input) => (await import('../actions/resume.ts')).runResume(clock, context, input),
  };
}
