import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function partitionsCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'partitions',
    summary:
      'Show how far each partition is journaled, which offsets the log has, and which partitions are halted or paused.',
    examples: [
      ['order-sync partitions', 'One line for each partition'],
      ['order-sync partitions --json', 'The same as JSON'],
    ],
    run: async (context) => (await import('../actions/partitions.ts')).runPartitions(clock, context),
  };
}
