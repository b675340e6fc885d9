import type { JsonValue, View, ViewRow, ViewValue } from '../../core/domain.ts';
import { entityWords } from '../../core/entity-words.ts';
import { shownJson } from '../../core/view-values.ts';
import type { StateDiff } from '../../pipeline/ask/diff.ts';
import type { ExplainedEvent, Explanation } from '../../pipeline/ask/explain.ts';
import type { KnownEvent } from '../../pipeline/ask/known-events.ts';
import type { FoundRow } from '../../pipeline/ask/list-rows.ts';
import { type Moment, momentText } from '../../pipeline/ask/moment.ts';
import { byColumn, type FoundState, stateSentence } from '../../pipeline/ask/state-at.ts';
import type { EventMarks } from '../../pipeline/ask/timeline.ts';
import type { WhatIf } from '../../pipeline/ask/what-if.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { StoredRow } from '../../ports/store.ts';
import { absenceJson } from './absence-json.ts';
import { attemptJson, deliveryJson } from './delivery-json.ts';

/** The answers to questions about orders, as the HTTP API and the commands print them in JSON. */

type Columns = Pick<View<never>, 'columns'>;

/** What an answer takes of a domain: the columns, and the name of the member with the id. */
export interface AnsweredDomain {
  readonly noun?: string;
  readonly idMember?: string;
  readonly view: Columns;
}

function idOf(domain: AnsweredDomain, entityId: string): Readonly<Record<string, string>> {
  return { [entityWords(domain).idMember]: entityId };
}

export function rowJson(domain: AnsweredDomain, found: FoundRow): object {
  const { columns } = domain.view;
  const { entityId, row, version, waitsFor, lastArrivalMs } = found;
  return {
    ...idOf(domain, entityId),
    version,
    row: byColumn(columns, row),
    waitsFor,
    lastJournaledAt: lastArrivalMs === null ? null : iso(lastArrivalMs),
  };
}

export function storedRowJson(domain: AnsweredDomain, entityId: string, { row, version }: StoredRow): object {
  const { columns } = domain.view;
  return { ...idOf(domain, entityId), version, row: byColumn(columns, row) };
}

export function explanationJson<Event>(domain: AnsweredDomain, explanation: Explanation<Event>): object {
  const { columns } = domain.view;
  const { entityId, sentences, version, row, isReady, waiting, parked, events, deliveries } = explanation;
  return {
    ...idOf(domain, entityId),
    explanation: sentences.join(' '),
    version,
    row: row === null ? null : byColumn(columns, row),
    ready: isReady,
    waiting:
      waiting === null
        ? null
        : {
            for: waiting.event,
            since: waiting.sinceMs === null ? null : iso(waiting.sinceMs),
            lastJournaledAt: iso(waiting.lastArrivalMs),
          },
    parked:
      parked === null
        ? null
        : { reason: parked.reason, detail: parked.detail, parkedAt: iso(parked.parkedAtMs) },
    ...absenceJson(explanation),
    rowDiffersFromJournal: explanation.rowDiffers,
    waitsForRebuild: explanation.waitsForRebuild,
    columns: explanation.columns.map(({ column, value, decidedBy }) => ({
      column,
      value: valueJson({ columns }, column, value),
      decidedBy: decidedBy === null ? null : eventName(decidedBy),
    })),
    allEventsShown: explanation.areAllEvents,
    events: events.map(explainedEventJson),
    canonicalSequence: [...events]
      .sort((left, right) => left.place - right.place)
      .map((event) => event.version),
    deliveries: deliveries.map(({ attemptLog, ...delivery }) => ({
      ...deliveryJson(delivery),
      attemptLog: attemptLog.map(attemptJson),
    })),
  };
}

/** An event without its body. */
export function eventJson(event: Omit<KnownEvent<unknown>, 'understood'>): object {
  return {
    version: event.version,
    ...eventFields(event),
    journaledAt: iso(event.observedAtMs),
    topic: event.topic,
    partition: event.partition,
    // As a text it keeps its last digits in every reader.
    offset: String(event.offset),
  };
}

export function explainedEventJson<Event>(event: ExplainedEvent<Event>): object {
  return { ...eventJson(event), ...marksJson(event), changed: event.changed };
}

export function marksJson({ place, isLate, conflictsWith }: EventMarks): object {
  return { place, late: isLate, conflictsWith };
}

function eventFields(
  event: Pick<
    JournaledEvent,
    'eventId' | 'contentHash' | 'eventType' | 'revision' | 'position' | 'occurredAtMs'
  >,
): object {
  return {
    eventId: event.eventId,
    contentHash: event.contentHash,
    eventType: event.eventType,
    revision: event.revision,
    position: event.position,
    occurredAt: iso(event.occurredAtMs),
  };
}

function eventName({ version, eventId, eventType, occurredAtMs }: KnownEvent<unknown>): object {
  return { version, eventId, eventType, occurredAt: iso(occurredAtMs) };
}

export function stateJson<Event>(
  domain: AnsweredDomain,
  entityId: string,
  moment: Moment,
  state: FoundState<Event>,
  nowMs: number,
): object {
  const { columns } = domain.view;
  return {
    ...idOf(domain, entityId),
    moment: momentText(moment),
    explanation: stateSentence(state, nowMs),
    ...sideJson({ columns }, state),
    version: state.lastVersion,
    columns: columns.map((column, index) => {
      const decider = state.deciders[index] ?? null;
      return {
        column: column.name,
        value: shownJson(column, state.row[index] ?? null),
        decidedBy: decider === null ? null : eventName(decider),
      };
    }),
  };
}

/** The state at one moment: its row, and the versions of the events that count. */
function sideJson<Event>({ columns }: Columns, { row, isReady, events }: FoundState<Event>): object {
  return {
    row: byColumn(columns, row),
    ready: isReady,
    events: events.length,
    // The list of a long order is too long to print.
    versions: events.length > VERSIONS_SHOWN ? null : events.map(({ version }) => version),
  };
}

const VERSIONS_SHOWN = 1_000;

export function diffJson<Event>(
  domain: AnsweredDomain,
  entityId: string,
  [from, to]: readonly [Moment, Moment],
  diff: Extract<StateDiff<Event>, { kind: 'diff' }>,
): object {
  const { columns } = domain.view;
  return {
    ...idOf(domain, entityId),
    from: { moment: momentText(from), ...sideJson({ columns }, diff.from) },
    to: { moment: momentText(to), ...sideJson({ columns }, diff.to) },
    columns: diff.columns.map(({ decidedBy, ...column }) => ({
      ...changeJson({ columns }, column),
      decidedBy: decidedBy === null ? null : eventName(decidedBy),
    })),
    added: diff.added.slice(0, VERSIONS_SHOWN).map(eventJson),
    removed: diff.removed.slice(0, VERSIONS_SHOWN).map(eventJson),
  };
}

/** What would happen. Every kind has the same members, those without meaning being null. */
export function whatIfJson<Event>(domain: AnsweredDomain, entityId: string, outcome: WhatIf<Event>): object {
  const { columns } = domain.view;
  const state = (row: ViewRow | null | undefined, isReady: boolean | undefined) =>
    row === null || row === undefined ? null : { row: byColumn(columns, row), ready: isReady ?? null };
  const changes = outcome.kind === 'changes' ? outcome : null;
  const why = 'detail' in outcome ? { reason: outcome.reason, detail: outcome.detail } : null;
  return {
    ...idOf(domain, entityId),
    outcome: outcome.kind,
    reason: why?.reason ?? null,
    detail: why?.detail ?? null,
    event: 'event' in outcome ? eventFields(outcome.event) : null,
    knownAsVersion: outcome.kind === 'duplicate' ? outcome.knownAs : null,
    version: 'version' in outcome ? outcome.version : null,
    late: changes?.isLate ?? null,
    conflictsWith: changes?.conflictsWith ?? [],
    before: state(changes?.before?.row, changes?.before?.isReady),
    after: state(changes?.after.row, changes?.after.isReady),
    columns: (changes?.columns ?? []).map((column) => changeJson({ columns }, column)),
    waitsForRebuild: changes?.waitsForRebuild ?? null,
    due: (changes?.dueTo ?? []).map((target) => ({ target, version: changes?.version ?? null })),
  };
}

function valueJson({ columns }: Columns, name: string, value: ViewValue): JsonValue {
  const column = columns.find((one) => one.name === name);
  return column === undefined ? value : shownJson(column, value);
}

interface ColumnChange {
  readonly column: string;
  readonly from: ViewValue;
  readonly to: ViewValue;
}

function changeJson(view: Columns, { column, from, to }: ColumnChange): object {
  return { column, from: valueJson(view, column, from), to: valueJson(view, column, to) };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
