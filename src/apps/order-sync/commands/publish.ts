import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function publishCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'publish',
    summary:
      'Publish events to the topics of the domain, to try things out. Each line of a file, or of stdin, is the JSON body of one event. ' +
      'Nothing is published if a line is no valid event.',
    arguments: [['[file]', 'A file of JSON lines. Without it, stdin is read.']],
    examples: [
      ['order-sync publish events.jsonl', 'Publish the events of a file'],
      ["echo '{...}' | order-sync publish", 'Publish one event'],
    ],
    run: async (context, input) => (await import('../actions/publish.ts')).runPublish(clock, context, input),
  };
}
