import type { NotReady, View, ViewRow } from '../../../core/domain.ts';
import type { KnownEvent } from '../known-events.ts';
import { momentWords } from './words.ts';

/** Whether an entity is ready, and if not, why. */
export interface Readiness<Event> {
  readonly isReady: boolean;
  /** Null if the entity is ready, or if the domain does not say why it is not. */
  readonly whyNot: NotReady | null;
  /** The event since which the entity is ready, or waits; null if it is not known. */
  readonly since: KnownEvent<Event> | null;
}

/** What is known of a row: the events that decided its columns are null if not all of its events were folded. */
interface KnownRow<Event> {
  readonly row: ViewRow | null;
  readonly isReady: boolean;
  readonly deciders: readonly (KnownEvent<Event> | null)[] | null;
  readonly events: readonly KnownEvent<Event>[];
}

export function readinessOf<Event>(
  { columns, readyColumn, whyNotReady }: Pick<View<never>, 'columns' | 'readyColumn' | 'whyNotReady'>,
  { row, isReady, deciders, events }: KnownRow<Event>,
): Readiness<Event> {
  const whyNot = row === null || isReady ? null : (whyNotReady?.(row) ?? null);
  if (deciders === null) return { isReady, whyNot, since: null };
  const deciderOf = (column: string | null) =>
    deciders[columns.findIndex(({ name }) => name === column)] ?? null;
  if (isReady) return { isReady, whyNot, since: deciderOf(readyColumn ?? null) };
  const since = whyNot?.column === null ? (events[0] ?? null) : deciderOf(whyNot?.column ?? null);
  return { isReady, whyNot, since };
}

/** Says whether the entity is ready, why not, and since when, in one sentence. */
export function readinessSentence({ isReady, whyNot, since }: Readiness<unknown>, nowMs: number): string {
  const from = since === null ? '' : ` since ${sinceWords(since, nowMs)}`;
  if (isReady) return `Ready${from}.`;
  if (whyNot === null) return 'Not ready.';
  return `Not ready: ${whyNot.because}${from}; ${whyNot.missing}.`;
}

function sinceWords(event: KnownEvent<unknown>, nowMs: number): string {
  // A baseline event has the earliest time of all. Its real time is not known.
  if (event.topic === '')
    return `before the table was taken over at ${momentWords(event.observedAtMs, nowMs)}`;
  return momentWords(event.occurredAtMs, nowMs);
}
