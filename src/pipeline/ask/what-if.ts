import { historyOf, merge, type Sequenced } from '../../core/fold.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { DecodedEvent } from '../decode/decoder.ts';
import type { QuarantineReason } from '../decode/reasons.ts';
import { isSameRow } from '../ingest/due.ts';
import type { Unfoldable } from '../ingest/unfoldable.ts';
import { awaitsRebuild, foldOf } from '../rebuild/view-mode.ts';
import type { ColumnDiff } from './diff.ts';
import { foldKnown } from './fold-known.ts';
import { type KnownEvents, readKnown, toKnown } from './known-events.ts';
import { NOW } from './moment.ts';
import type { AskParts } from './parts.ts';
import { type FoundState, type StateAt, stateOf } from './state-at.ts';

/**
 * What one more event would do to an entity.
 *
 * - `refused`: order-sync would put the record into quarantine.
 * - `duplicate`: the journal has the event already, so nothing would change.
 * - `parked`: the event would be journaled, and the row would stand still.
 * - `changes`: the event would be journaled and folded.
 */
export type WhatIf<Event> =
  | { readonly kind: 'refused'; readonly reason: QuarantineReason; readonly detail: string }
  | { readonly kind: 'duplicate'; readonly event: JournaledEvent; readonly knownAs: number }
  | ({ readonly kind: 'parked'; readonly event: JournaledEvent; readonly version: number } & Unfoldable)
  | Extract<StateAt<Event>, { kind: 'too_long' }>
  | WouldChange<Event>;

export interface WouldChange<Event> {
  readonly kind: 'changes';
  readonly event: JournaledEvent;
  /** The version that the entity would have. */
  readonly version: number;
  /** Whether events stand behind it in canonical sequence that are journaled already. */
  readonly isLate: boolean;
  /** The versions of the journaled events that have its id and other content. */
  readonly conflictsWith: readonly number[];
  /** Null for a new entity. */
  readonly before: FoundState<Event> | null;
  readonly after: Pick<FoundState<Event>, 'row' | 'isReady'>;
  readonly columns: readonly Omit<ColumnDiff<Event>, 'decidedBy'>[];
  /** The targets to which the new state would become due, with this version. */
  readonly dueTo: readonly string[];
  /** Whether rows and deliveries stay as they are until a rebuild. Then nothing becomes due. */
  readonly waitsForRebuild: boolean;
}

const FIRST_OFFSET = 0n;

/**
 * Works out what would happen if a record with this body arrived now: with the entity's id as its key, without headers,
 * on the topic of its type. Writes nothing.
 */
export async function whatIf<State, Event>(
  parts: AskParts<State, Event>,
  entityId: string,
  body: string,
): Promise<WhatIf<Event>> {
  const event = decode(parts, entityId, body);
  if ('reason' in event) return { kind: 'refused', ...event };
  const parked = await parts.store.readParked(entityId);
  const known = await readKnown(parts, entityId);
  if (!known.areAll) return { kind: 'too_long', lastVersion: known.lastVersion, maxEvents: parts.maxEvents };
  const same = known.events.find(
    ({ eventId, contentHash }) => eventId === event.eventId && contentHash === event.contentHash,
  );
  if (same !== undefined) return { kind: 'duplicate', event, knownAs: same.version };
  const version = known.lastVersion + 1;
  const before = known.lastVersion === 0 ? null : stateOf(parts, known, NOW);
  if (parked !== null)
    return { kind: 'parked', event, version, reason: parked.reason, detail: parked.detail };
  if (before !== null && before.kind !== 'state')
    return before.kind === 'unfoldable'
      ? { ...before, kind: 'parked', event, version }
      : { kind: 'too_long', lastVersion: known.lastVersion, maxEvents: parts.maxEvents };
  return changesOf(parts, known, before, event);
}

async function changesOf<State, Event>(
  parts: AskParts<State, Event>,
  known: KnownEvents<Event>,
  before: FoundState<Event> | null,
  event: DecodedEvent<Event>,
): Promise<WhatIf<Event>> {
  const { domain, due } = parts;
  const version = known.lastVersion + 1;
  const added = toKnown({ ...event, version }, { event: event.event });
  const folded = foldKnown(domain, [...known.events, added]);
  if ('reason' in folded) return { kind: 'parked', event, version, ...folded };
  const { outOfOrder } = merge(domain, historyOf(domain, known.events.map(sequencedOf)), [event]);
  const rowBefore = before?.row ?? null;
  const hasChanged = rowBefore === null || !isSameRow(rowBefore, folded.row);
  const waitsForRebuild = awaitsRebuild(await parts.store.viewState(), foldOf(domain));
  const qualifying = hasChanged ? due.changed(folded.row, folded.isReady).qualifiesFor : [];
  return {
    kind: 'changes',
    event,
    version,
    isLate: outOfOrder > 0,
    conflictsWith: known.events.flatMap((other) => (other.eventId === event.eventId ? [other.version] : [])),
    before,
    after: { row: folded.row, isReady: folded.isReady },
    columns: domain.view.columns.flatMap(({ name }, index) => {
      const [from = null, to = null] = [rowBefore?.[index], folded.row[index]];
      return from === to ? [] : [{ column: name, from, to }];
    }),
    dueTo: hasChanged && !waitsForRebuild ? await dueTargets(parts, event.entityId, qualifying) : [],
    waitsForRebuild,
  };
}

function sequencedOf<Event>(known: KnownEvents<Event>['events'][number]): Sequenced<Event> {
  // Events that the domain does not understand have been looked for before.
  return { ...known, event: known.understood?.event as Event };
}

/** A changed state is due to the targets for which it qualifies, and to those that were owed an earlier one. */
async function dueTargets(
  { store, targets }: AskParts<unknown, unknown>,
  entityId: string,
  qualifying: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const target of targets)
    if (qualifying.includes(target) || (await store.readDelivery(target, entityId)) !== null)
      found.push(target);
  return found;
}

function decode<State, Event>(
  { domain, decoder, topicNames, clock }: AskParts<State, Event>,
  entityId: string,
  body: string,
): DecodedEvent<Event> | { readonly reason: QuarantineReason; readonly detail: string } {
  const topic = topicOf(body, domain.eventTypes);
  const encoder = new TextEncoder();
  const decoded = decoder.decodePlain(
    {
      offset: FIRST_OFFSET,
      timestampMs: clock.now(),
      key: encoder.encode(entityId),
      value: encoder.encode(body),
      headers: [],
    },
    { topic: topicNames[topic] ?? topic, partition: 0 },
    clock.now(),
  );
  if (decoded.kind === 'event') return decoded.event;
  const { reason, detail } = decoded.record;
  return { reason: reason as QuarantineReason, detail };
}

/** The topic of the body's type. For any other body the first topic: the decoder refuses it there as anywhere else. */
function topicOf(body: string, eventTypes: AskParts<unknown, unknown>['domain']['eventTypes']): string {
  const types = new Map(Object.entries(eventTypes));
  let type: unknown;
  try {
    type = (JSON.parse(body) as { eventType?: unknown } | null)?.eventType;
  } catch {
    // It is no JSON, which the decoder says.
  }
  const known = typeof type === 'string' ? types.get(type) : undefined;
  return known?.topic ?? [...types.values()][0]?.topic ?? '';
}
