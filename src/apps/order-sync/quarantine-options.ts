import { TributaryError } from '../../core/errors.ts';
import type { QuarantineSelection } from '../../pipeline/jobs/quarantine-selection.ts';
import type { QuarantineFilter } from '../../ports/quarantine.ts';
import type { CommandInput } from '../shared/cli/spec.ts';
import {
  isEmptyQuarantineFilter,
  QuarantineFilterFault,
  type QuarantineFilterName,
  quarantineFilterOf,
  recordFilterOf,
} from './quarantine-filter.ts';

/** The flag of each part of a filter, and its help. */
const FLAGS: Readonly<Record<QuarantineFilterName, readonly [flags: string, help: string]>> = {
  topic: ['--topic <name>', 'Only records of this topic.'],
  reason: ['--refused-for <word>', 'Only records with this reason, as in json_invalid.'],
  partition: ['--partition <number>', 'Only records of this partition.'],
  fromOffset: ['--from-offset <offset>', 'Only records at this offset or behind it.'],
  beforeOffset: ['--before-offset <offset>', 'Only records before this offset.'],
  since: ['--since <moment>', 'Only records that were refused at this moment (RFC 3339) or later.'],
  before: ['--before <moment>', 'Only records that were refused before this moment.'],
};
export const QUARANTINE_FILTER_OPTIONS = Object.values(FLAGS);

export const SELECTION_OPTIONS = [
  ...QUARANTINE_FILTER_OPTIONS,
  ['--all', 'All open records. Give this if you name no records and give no filter.'],
] as const;

/** The filter of the options. `reasonOption` is the option that has the reason of the records. */
export function quarantineFilterFrom(
  { options }: CommandInput,
  reasonOption: 'refusedFor' | 'reason' = 'refusedFor',
): QuarantineFilter {
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  try {
    return quarantineFilterOf({
      topic: text('topic'),
      reason: text(reasonOption),
      partition: text('partition'),
      fromOffset: text('fromOffset'),
      beforeOffset: text('beforeOffset'),
      since: text('since'),
      before: text('before'),
    });
  } catch (error) {
    if (!(error instanceof QuarantineFilterFault)) throw error;
    const isReason = error.part === 'reason';
    const flag = isReason && reasonOption === 'reason' ? '--reason' : FLAGS[error.part][0].split(' ')[0];
    const given = options[isReason ? reasonOption : error.part];
    throw new TributaryError('usage', `${flag} ${JSON.stringify(given)}: it ${error.message}.`);
  }
}

/** The records that the words and the options select. */
export function selectionFrom(input: CommandInput): QuarantineSelection {
  const filter = quarantineFilterFrom(input);
  const names = input.arguments;
  const ways = [names.length > 0, !isEmptyQuarantineFilter(filter), input.options.all === true];
  if (ways.filter(Boolean).length !== 1)
    throw new TributaryError(
      'usage',
      'Name records, as in order_events/3/1204, or give a filter (--topic, --refused-for ...), or --all: one of the three.',
    );
  return names.length > 0 ? names.map(recordFrom) : [filter];
}

export function recordFrom(name: string): NonNullable<ReturnType<typeof recordFilterOf>> {
  const found = recordFilterOf(name);
  if (found === null)
    throw new TributaryError(
      'usage',
      `${JSON.stringify(name)} is no record: give topic, partition and offset, as in order_events/3/1204.`,
    );
  return found;
}
