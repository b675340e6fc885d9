import type { QueryValues } from '../../api/paths.ts';

/** The filters that are on or off, with the words on their buttons. */
export const FLAGS = [
  { name: 'ready', words: 'Ready', title: 'Orders that qualify for sending.' },
  { name: 'delivered', words: 'Delivered', title: 'Every target has the latest state that was due.' },
  { name: 'notDelivered', words: 'Not delivered', title: 'A target has not got the latest state.' },
  { name: 'inFlight', words: 'In flight', title: 'A delivery is due and being tried.' },
  { name: 'dead', words: 'Dead', title: 'A delivery is dead, and not tried again by itself.' },
  {
    name: 'stuck',
    words: 'Stuck',
    title: 'The order waits for an event for longer than ORDER_SYNC_STUCK_AFTER.',
  },
] as const;

export type FlagName = (typeof FLAGS)[number]['name'];

export const AGES = [
  ['', 'any time'],
  ['5m', '5 minutes'],
  ['1h', '1 hour'],
  ['1d', '1 day'],
  ['7d', '7 days'],
] as const;

/** The filters of the list, as the address and the API have them. */
export interface OrderFilters {
  /** By column. The text `null` stands for no value. */
  readonly where: Readonly<Record<string, string>>;
  readonly status: string;
  readonly olderThan: string;
  readonly flags: ReadonlySet<FlagName>;
}

/** Reads the filters of an address. Conditions that are no `column=value` are left out. */
export function filtersFrom(parameters: URLSearchParams): OrderFilters {
  const where = parameters.getAll('where').flatMap((condition) => {
    const equals = condition.indexOf('=');
    return equals < 1 ? [] : [[condition.slice(0, equals), condition.slice(equals + 1)] as const];
  });
  return {
    where: Object.fromEntries(where),
    status: parameters.get('status') ?? '',
    olderThan: parameters.get('olderThan') ?? '',
    flags: new Set(FLAGS.map(({ name }) => name).filter((name) => parameters.get(name) === 'true')),
  };
}

/** The query that asks the API for these orders. */
export function queryOf({ where, status, olderThan, flags }: OrderFilters): QueryValues {
  return {
    where: whereTexts(where),
    status,
    olderThan,
    ...Object.fromEntries([...flags].map((name) => [name, true])),
  };
}

/** The conditions after one of them changed; '' takes it away. */
export function whereWith(where: OrderFilters['where'], column: string, value: string): string[] {
  const { [column]: _, ...others } = where;
  return whereTexts(value === '' ? others : { ...others, [column]: value });
}

function whereTexts(where: OrderFilters['where']): string[] {
  return Object.entries(where).map(([column, value]) => `${column}=${value}`);
}

export function isFiltered({ where, status, olderThan, flags }: OrderFilters): boolean {
  return Object.keys(where).length > 0 || status !== '' || olderThan !== '' || flags.size > 0;
}
