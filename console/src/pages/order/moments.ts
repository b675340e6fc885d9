import type { OrderEvent } from '../../api/types.ts';

/** How the page goes back: by the first events, by what had happened, or by what was known. */
export type TravelMode = 'version' | 'at' | 'known';

export interface Moment {
  readonly mode: TravelMode;
  /** A version, or a moment (RFC 3339). */
  readonly value: string;
}

/** The moments at which something changes, the earliest first, each once. */
export function momentsOf(
  events: readonly Pick<OrderEvent, 'occurredAt' | 'journaledAt'>[],
  mode: TravelMode,
): string[] {
  if (mode === 'version') return [];
  const all = events.map(({ occurredAt, journaledAt }) => (mode === 'at' ? occurredAt : journaledAt));
  return [...new Set(all)].sort((left, right) => Date.parse(left) - Date.parse(right));
}

/** The number of moments that are not behind this one. */
export function placeAmong(moments: readonly string[], moment: string): number {
  const ms = Date.parse(moment);
  return moments.filter((known) => Date.parse(known) <= ms).length;
}

/** The name of a moment in a question for the state. */
export function stateQuery({ mode, value }: Moment): Readonly<Record<string, string>> {
  if (mode === 'version') return { version: value };
  return mode === 'at' ? { at: value } : { asKnownAt: value };
}

/** A moment as one side of a comparison. */
export function sideOf({ mode, value }: Moment): string {
  return mode === 'known' ? `known:${value}` : value;
}

/** The moment before, as one side of a comparison; null if nothing is before it. */
export function sideBefore({ mode, value }: Moment, moments: readonly string[]): string | null {
  if (mode === 'version') return Number(value) > 0 ? String(Number(value) - 1) : null;
  const before = moments.filter((known) => Date.parse(known) < Date.parse(value)).at(-1);
  if (before === undefined) return '0';
  return sideOf({ mode, value: before });
}
