import type { Delivery } from '../../api/types.ts';

export const DELIVERY_FILTERS = [
  'target',
  'entityId',
  'lastStatus',
  'error',
  'dueSince',
  'dueBefore',
] as const;

/** The filter of the address without the status, by the names of the API, without the parts that are not given. */
export function deliveryFilter(parameters: URLSearchParams): Readonly<Record<string, string>> {
  return Object.fromEntries(
    DELIVERY_FILTERS.flatMap((name) => {
      const value = parameters.get(name);
      return value === null || value === '' ? [] : [[name, value] as const];
    }),
  );
}

export interface Reason {
  readonly words: string;
  readonly count: number;
  /** The filter that asks for the deliveries of this reason. */
  readonly filter: Readonly<Record<'lastStatus' | 'error', string | null>>;
}

/** The beginning of an error is what the errors of different orders have in common. */
const ERROR_LETTERS = 48;

/** The deliveries that are loaded by their reason, the most frequent first: the last status, else the last error. */
export function reasonsOf(deliveries: readonly Delivery[]): Reason[] {
  const reasons = new Map<string, Reason>();
  for (const { lastStatus, lastError } of deliveries) {
    const error = lastError?.slice(0, ERROR_LETTERS) ?? null;
    const words = lastStatus === null ? (error ?? 'no attempt') : `answer ${lastStatus}`;
    const filter =
      lastStatus === null ? { lastStatus: null, error } : { lastStatus: String(lastStatus), error: null };
    reasons.set(words, { words, filter, count: (reasons.get(words)?.count ?? 0) + 1 });
  }
  return [...reasons.values()].sort((left, right) => right.count - left.count);
}

export function deliveryName({ target, entityId }: Pick<Delivery, 'target' | 'entityId'>): string {
  return `${entityId} to ${target}`;
}
