import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { EVENT_CODES } from '../codes.ts';

const CODES = Object.entries(EVENT_CODES)
  .map(([code, { meaning }]) => `${code} (${meaning})`)
  .join(', ');

/** `event-producer o order123 pa order123` publishes events. The program does this when no command is named, too. */
export function publishCommand(
  clock: Clock,
  otherCommands: readonly string[],
): CommandSpec<'event-producer'> {
  return {
    name: 'publish',
    summary: 'Publish events by their codes. The word "publish" may be left out.',
    examples: [
      ['event-producer o order123', 'Order order123 was created'],
      ['event-producer o order123 pa order123', 'It was created, and its payment authorised'],
      [
        'event-producer par order7 paa order7 --json',
        'A review that is pending and then accepted; the answer is JSON',
      ],
      [
        'event-producer o order9 --timestamp 2025-04-05T02:26:30.265Z --revision 1',
        'An event with a given time and revision',
      ],
    ],
    arguments: [['[pairs...]', `Pairs of a code and an order id. The codes: ${CODES}.`]],
    options: [
      [
        '--revision <number>',
        "The source's own number of an order's first event in this command. Its next events count on.",
      ],
      ['--event-id <id>', 'The id of the event, for a single pair. By default each event gets a new UUID.'],
      ['--timestamp <time>', 'The time of the events, in RFC 3339 with zone (default: now).'],
      ['--create-topics', 'Make missing topics on Kafka too.'],
    ],
    isDefault: true,
    run: async (context, input) =>
      (await import('../actions/publish.ts')).runPublish(clock, otherCommands, context, input),
  };
}
