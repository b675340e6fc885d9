import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export const DEFAULT_SAMPLE = 100;

/** `event-producer inspect TOPIC` says what the records of a topic are, and by which settings order-sync reads them. */
export function inspectCommand(clock: Clock): CommandSpec<'event-producer'> {
  return {
    name: 'inspect',
    summary:
      'Say what the records of a topic are, and which settings fit. Joins no group and writes nothing.',
    examples: [
      ['event-producer inspect order_events', 'A look at the newest 100 records'],
      [
        'event-producer inspect shop.outbox --sample 1000 --json',
        'More records of any topic; the answer is JSON',
      ],
    ],
    arguments: [['<topic>', 'The topic: one of the settings, or any other.']],
    options: [['--sample <number>', `The most records to look at (default: ${DEFAULT_SAMPLE}).`]],
    run: async (context, input) => (await import('../actions/inspect.ts')).runInspect(clock, context, input),
  };
}
