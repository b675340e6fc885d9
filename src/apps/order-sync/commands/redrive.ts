import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import type { FilterName } from '../delivery-filter.ts';

/** The flag of each part of a filter, and its help. */
export const FILTER_FLAGS: Partial<Record<FilterName, { readonly flags: string; readonly help: string }>> = {
  target: { flags: '--target <name>', help: 'Only deliveries to this target.' },
  entityId: { flags: '--order <id>', help: 'Only deliveries of this order.' },
  lastStatus: {
    flags: '--status <code>',
    help: 'Only deliveries whose last answer had this status, as in 422.',
  },
  error: { flags: '--error <text>', help: 'Only deliveries whose last error begins with this text.' },
  dueSince: {
    flags: '--due-since <moment>',
    help: 'Only deliveries that became due at this moment (RFC 3339) or later.',
  },
  dueBefore: { flags: '--due-before <moment>', help: 'Only deliveries that became due before this moment.' },
};
const FILTER_OPTIONS = Object.values(FILTER_FLAGS).map(({ flags, help }) => [flags, help] as const);

export function deadLettersCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'dead-letters',
    summary: 'Show the dead deliveries, which are not tried again, and why they are dead.',
    options: [
      ...FILTER_OPTIONS,
      ['--limit <number>', 'Show at most this number of deliveries (default: all).'],
    ],
    examples: [
      ['order-sync dead-letters', 'All dead deliveries'],
      ['order-sync dead-letters --status 422 --limit 20', 'The first 20 that the target refused as invalid'],
      [
        'order-sync dead-letters --due-since 2026-11-22T00:00:00Z --json',
        'Those that became due since a moment, as JSON',
      ],
    ],
    run: async (context, input) =>
      (await import('../actions/redrive.ts')).runDeadLetters(clock, context, input),
  };
}

export function redriveCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'redrive',
    summary: 'Create a job that makes dead deliveries due again. A running order-sync does its work.',
    options: [
      ...FILTER_OPTIONS,
      ['--all', 'Make all dead deliveries due again. Give this if you give no filter.'],
      ['--dry-run', 'Only count the deliveries. Change nothing.'],
      ['--wait', 'Work on the job in this process too, and end when it is done.'],
      ['--by <name>', 'The person who asks for it (default: the user of the system).'],
      ['--reason <text>', 'The reason, which is recorded.'],
    ],
    examples: [
      ['order-sync redrive --status 422 --dry-run --wait', 'Count the deliveries that would become due'],
      ['order-sync redrive --status 422', 'Make those due again that the target refused as invalid'],
      ['order-sync redrive --all --wait --json', 'Make all due again, and end when the last one is'],
    ],
    run: async (context, input) => (await import('../actions/redrive.ts')).runRedrive(clock, context, input),
  };
}
