import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { DECISION_OPTIONS } from '../decision.ts';
import { SELECTION_OPTIONS } from '../quarantine-options.ts';

const GROUP = { name: 'quarantine', summary: 'Show, redrive or discard refused records.' };
const RECORDS = [
  ['[records...]', 'Topic, partition and offset of each, as in order_events/3/1204.'],
] as const;

export function quarantineRedriveCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    group: GROUP,
    name: 'redrive',
    summary:
      'Create a job that decodes refused records again and journals those that pass. A running order-sync does its work.',
    arguments: RECORDS,
    options: [
      ...SELECTION_OPTIONS,
      ['--dry-run', 'Only count the records that pass today, and those that do not. Change nothing.'],
      ['--wait', 'Work on the job in this process too, and end when it is done.'],
      ...DECISION_OPTIONS,
    ],
    examples: [
      [
        'order-sync quarantine redrive --refused-for key_missing --dry-run --wait',
        'Count the records with one reason that pass today',
      ],
      [
        'order-sync quarantine redrive --refused-for key_missing --reason "the setting is corrected"',
        'Redrive them',
      ],
      ['order-sync quarantine redrive order_events/3/1204 order_events/3/1205 --wait', 'Redrive two records'],
    ],
    run: async (context, input) =>
      (await import('../actions/quarantine-settle.ts')).runQuarantineRedrive(clock, context, input),
  };
}

export function quarantineDiscardCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    group: GROUP,
    name: 'discard',
    summary: 'Settle refused records as not wanted. They stay in the table, with who decided it and why.',
    arguments: RECORDS,
    options: [...SELECTION_OPTIONS, ...DECISION_OPTIONS],
    examples: [
      ['order-sync quarantine discard order_events/3/1204 --reason "a test record"', 'One record'],
      [
        'order-sync quarantine discard --refused-for value_missing --before 2026-11-22T00:00:00Z --reason "tombstones of the old producer"',
        'All records that match a filter',
      ],
    ],
    run: async (context, input) =>
      (await import('../actions/quarantine-settle.ts')).runQuarantineDiscard(clock, context, input),
  };
}
