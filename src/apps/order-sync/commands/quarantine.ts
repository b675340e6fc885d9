import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { QUARANTINE_FILTER_OPTIONS } from '../quarantine-options.ts';

export const LIMIT_DEFAULT = 50;

export function quarantineCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'quarantine',
    summary:
      'Show the records that are no events: the place and the key of each, why it was refused, and when.',
    options: [
      ['--reason <word>', 'Only records with this reason, as in json_invalid.'],
      ...QUARANTINE_FILTER_OPTIONS.filter(([flags]) => !flags.startsWith('--refused-for')),
      ['--settled', 'Show the records that were redriven or discarded instead.'],
      ['--limit <number>', `Show at most this number of records (default: ${LIMIT_DEFAULT}).`],
      ['--values', 'Show values and long keys too. They may be confidential.'],
    ],
    examples: [
      ['order-sync quarantine', `The first ${LIMIT_DEFAULT}, by topic, partition and offset`],
      ['order-sync quarantine --reason json_invalid --values', 'Records with one reason, with their values'],
      ['order-sync quarantine --limit 1000 --json', 'The same as JSON'],
      ['order-sync quarantine show order_events/3/1204', 'One record with its bytes'],
    ],
    run: async (context, input) =>
      (await import('../actions/quarantine.ts')).runQuarantine(clock, context, input),
  };
}
