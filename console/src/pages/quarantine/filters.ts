import type { Quarantined } from '../../api/types.ts';

const NAMES = ['topic', 'reason', 'partition', 'fromOffset', 'beforeOffset', 'since', 'before'] as const;

/** The filter of the address, by the names of the API, without the parts that are not given. */
export function quarantineFilter(parameters: URLSearchParams): Readonly<Record<string, string>> {
  return Object.fromEntries(
    NAMES.flatMap((name) => {
      const value = parameters.get(name);
      return value === null || value === '' ? [] : [[name, value] as const];
    }),
  );
}

/** Everything that a page may clear. */
export const QUARANTINE_FILTERS = [...NAMES, 'state'] as const;

/** The name of a record, as the API takes it. */
export function recordName({
  topic,
  partition,
  offset,
}: Pick<Quarantined, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}/${offset}`;
}

export function recordHref({
  topic,
  partition,
  offset,
}: Pick<Quarantined, 'topic' | 'partition' | 'offset'>): string {
  return `/quarantine/${encodeURIComponent(topic)}/${partition}/${offset}`;
}
