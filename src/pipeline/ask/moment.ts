import { parseRfc3339 } from '../../core/time.ts';

/**
 * Selects the events of an entity that count.
 *
 * - `now`: all of them.
 * - `at`: those that had happened by this time, by the source's clock.
 * - `as_known_at`: those that were journaled by this time, by the clock of the process that decoded them.
 * - `version`: the first ones by arrival, as many as the version says.
 */
export type Moment =
  | { readonly kind: 'now' }
  | { readonly kind: 'at'; readonly ms: number }
  | { readonly kind: 'as_known_at'; readonly ms: number }
  | { readonly kind: 'version'; readonly version: number };

export const NOW: Moment = { kind: 'now' };

export interface Arrived {
  readonly version: number;
  readonly occurredAtMs: number;
  readonly observedAtMs: number;
}

export function countsAt(moment: Moment, { version, occurredAtMs, observedAtMs }: Arrived): boolean {
  switch (moment.kind) {
    case 'now':
      return true;
    case 'at':
      return occurredAtMs <= moment.ms;
    case 'as_known_at':
      return observedAtMs <= moment.ms;
    case 'version':
      return version <= moment.version;
  }
}

/** The forms of a moment in one text, for messages. */
export const MOMENT_FORMS =
  'a version (3), a time at which things had happened (2026-11-22T10:00:00Z), a time at which they were known ' +
  '(known:2026-11-22T10:00:00Z), or now';

/** Reads a moment from one text; null if the text is none. */
export function momentOf(text: string): Moment | null {
  if (text === 'now') return NOW;
  if (/^\d{1,15}$/.test(text)) return { kind: 'version', version: Number(text) };
  const isKnown = text.startsWith('known:');
  const ms = parseRfc3339(isKnown ? text.slice('known:'.length) : text);
  if (ms === null) return null;
  return isKnown ? { kind: 'as_known_at', ms } : { kind: 'at', ms };
}

/** The moment as `momentOf` reads it. */
export function momentText(moment: Moment): string {
  switch (moment.kind) {
    case 'now':
      return 'now';
    case 'at':
      return new Date(moment.ms).toISOString();
    case 'as_known_at':
      return `known:${new Date(moment.ms).toISOString()}`;
    case 'version':
      return String(moment.version);
  }
}
