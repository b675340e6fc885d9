import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

/** `event-producer send -` publishes events from a file or from stdin, one JSON body on each line. */
export function sendCommand(clock: Clock): CommandSpec<'event-producer'> {
  return {
    name: 'send',
    summary: 'Publish events from a file or from stdin, one JSON body on each line.',
    examples: [
      ['event-producer send events.ndjson', 'Every line of a file; bad lines are reported and left out'],
      ['jq -c ".[]" events.json | event-producer send -', 'From stdin'],
      [
        'event-producer send - --raw < broken.ndjson',
        'Also lines that are no valid events, to see what order-sync does with them',
      ],
    ],
    arguments: [['<file>', 'An NDJSON file, or - for stdin.']],
    options: [
      ['--raw', 'Also send lines that are no valid events, unchanged.'],
      ['--all-errors', 'Report every bad line, not only the first 10.'],
      ['--create-topics', 'Make missing topics on Kafka too.'],
    ],
    run: async (context, input) => (await import('../actions/send.ts')).runSend(clock, context, input),
  };
}
