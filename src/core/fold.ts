import { compareSequence, isSameEvent, isSameId, type SequenceKey } from './sequence.ts';

/** An event with its place in the canonical sequence. */
export interface Sequenced<Event> extends SequenceKey {
  readonly event: Event;
}

/**
 * The events of one entity in canonical sequence, without duplicates, and their fold. A history is never changed in place,
 * so that a batch that is not committed leaves no trace.
 */
export interface History<State, Event> {
  /** All events. A long entity has only its last events here, behind those of `earlier`. */
  readonly events: readonly Sequenced<Event>[];
  /** The fold of all events. */
  readonly state: State;
  /** The events before `events`; only of a long entity. */
  readonly earlier?: Earlier<State>;
}

/** The events of a long entity that are not held in memory. */
export interface Earlier<State> {
  readonly count: number;
  /** The key of the last of these events; null if there are none. */
  readonly last: SequenceKey | null;
  /** The fold of these events. */
  readonly state: State;
}

/** The entity's version: the number of its events, in memory or not. */
export function versionOf(history: History<unknown, unknown>): number {
  return history.earlier === undefined
    ? history.events.length
    : history.earlier.count + history.events.length;
}

export interface Folding<State, Event> {
  readonly initialState: State;
  evolve(state: State, event: Event): State;
}

export interface Merged<State, Event, Incoming extends Sequenced<Event>> {
  readonly history: History<State, Event>;
  /** The incoming events that were new, in canonical sequence. */
  readonly accepted: readonly Incoming[];
  /** The number of incoming events that were in the history, or came twice. */
  readonly duplicates: number;
  /** The number of accepted events that stand before a known event. */
  readonly outOfOrder: number;
  /** The number of accepted events that have the id of another event with other content. */
  readonly conflicts: number;
}

/** Copies the event without other fields, such as its body. */
export function sequencedOnly<Event>(event: Sequenced<Event>): Sequenced<Event> {
  const { position, occurredAtMs, cautionRank, eventId, contentHash } = event;
  return { position, occurredAtMs, cautionRank, eventId, contentHash, event: event.event };
}

/** Makes the history of these events. They may come in any sequence, and twice. */
export function historyOf<State, Event>(
  folding: Folding<State, Event>,
  events: readonly Sequenced<Event>[],
): History<State, Event> {
  return merge(folding, emptyHistory(folding), events).history;
}

export function emptyHistory<State, Event>(folding: Folding<State, Event>): History<State, Event> {
  return { events: [], state: folding.initialState };
}

/**
 * Puts the incoming events into the history, each at its place in canonical sequence. The same set of events gives the same
 * history, in whatever sequence they come, and if some come twice. If all new events stand behind the known ones, it folds
 * on from the known state; else it folds from the beginning.
 */
export function merge<State, Event, Incoming extends Sequenced<Event>>(
  folding: Folding<State, Event>,
  history: History<State, Event>,
  incoming: readonly Incoming[],
): Merged<State, Event, Incoming> {
  const known = history.events;
  const { accepted, duplicates, conflicts } = tellApart(known, incoming);
  if (accepted.length === 0) return { history, accepted, duplicates, outOfOrder: 0, conflicts };

  sortBySequence(accepted);
  const last = known.at(-1);
  const first = accepted[0];
  if (last === undefined || first === undefined || compareSequence(first, last) > 0) {
    let state = history.state;
    for (const { event } of accepted) state = folding.evolve(state, event);
    const events = known.length === 0 ? accepted : [...known, ...accepted];
    return { history: { events, state }, accepted, duplicates, outOfOrder: 0, conflicts };
  }

  const events = mergeSorted(known, accepted);
  let state = folding.initialState;
  for (const { event } of events) state = folding.evolve(state, event);
  const outOfOrder = accepted.filter((event) => compareSequence(event, last) < 0).length;
  return { history: { events, state }, accepted, duplicates, outOfOrder, conflicts };
}

/** At most this many events are compared with each other one by one. For more, a table or the library's sort is quicker. */
const FEW = 32;

/** Sorts in place. For few events, an insertion sort is several times cheaper than the library's, which allocates. */
function sortBySequence(events: SequenceKey[]): void {
  if (events.length > FEW) {
    events.sort(compareSequence);
    return;
  }
  for (let index = 1; index < events.length; index++) {
    const event = events[index] as SequenceKey;
    let place = index;
    for (; place > 0; place--) {
      const other = events[place - 1] as SequenceKey;
      if (compareSequence(other, event) <= 0) break;
      events[place] = other;
    }
    events[place] = event;
  }
}

/** Finds the new ones among the incoming events, in the sequence in which they came. `known` may have any sequence. */
export function tellApart<Incoming extends SequenceKey>(
  known: readonly SequenceKey[],
  incoming: readonly Incoming[],
): { readonly accepted: Incoming[]; readonly duplicates: number; readonly conflicts: number } {
  // The events of a new entity are mostly all accepted, and a list that grows one by one takes more room than it needs.
  if (known.length === 0 && incoming.length <= FEW && areAllDifferent(incoming))
    return { accepted: incoming.slice(), duplicates: 0, conflicts: 0 };
  const table = incoming.length > FEW ? tableOf(known) : undefined;
  const accepted: Incoming[] = [];
  let conflicts = 0;
  for (const event of incoming) {
    const verdict = table === undefined ? verdictOf(event, known, accepted) : addTo(table, event);
    if (verdict === 'duplicate') continue;
    if (verdict === 'conflict') conflicts++;
    accepted.push(event);
  }
  return { accepted, duplicates: incoming.length - accepted.length, conflicts };
}

/** Whether no two of these events have the same id. */
function areAllDifferent(events: readonly SequenceKey[]): boolean {
  for (let index = 1; index < events.length; index++) {
    for (let before = 0; before < index; before++)
      if (isSameId(events[before] as SequenceKey, events[index] as SequenceKey)) return false;
  }
  return true;
}

type Verdict = 'new' | 'duplicate' | 'conflict';

/** The content hashes of known events, by event id. */
type Table = Map<string, Set<string>>;

function tableOf(known: readonly SequenceKey[]): Table {
  const table: Table = new Map();
  for (const key of known) addTo(table, key);
  return table;
}

function addTo(table: Table, { eventId, contentHash }: SequenceKey): Verdict {
  const hashes = table.get(eventId);
  if (hashes === undefined) {
    table.set(eventId, new Set([contentHash]));
    return 'new';
  }
  if (hashes.has(contentHash)) return 'duplicate';
  hashes.add(contentHash);
  return 'conflict';
}

function verdictOf(key: SequenceKey, known: readonly SequenceKey[], added: readonly SequenceKey[]): Verdict {
  const earlier = verdictAmong(known, key);
  if (earlier === 'duplicate') return earlier;
  const verdict = verdictAmong(added, key);
  return verdict === 'new' ? earlier : verdict;
}

function verdictAmong(keys: readonly SequenceKey[], key: SequenceKey): Verdict {
  let verdict: 'new' | 'conflict' = 'new';
  for (const other of keys) {
    if (isSameEvent(other, key)) return 'duplicate';
    if (isSameId(other, key)) verdict = 'conflict';
  }
  return verdict;
}

/** Merges two lists. Both are in canonical sequence, and so is the result. */
export function mergeSorted<Event>(
  known: readonly Sequenced<Event>[],
  accepted: readonly Sequenced<Event>[],
): Sequenced<Event>[] {
  const merged: Sequenced<Event>[] = [];
  let next = 0;
  for (const event of known) {
    while (next < accepted.length) {
      const candidate = accepted[next] as Sequenced<Event>;
      if (compareSequence(candidate, event) > 0) break;
      merged.push(candidate);
      next++;
    }
    merged.push(event);
  }
  for (; next < accepted.length; next++) merged.push(accepted[next] as Sequenced<Event>);
  return merged;
}
