import type { View, ViewRow, ViewValue } from '../../core/domain.ts';
import { entityWords } from '../../core/entity-words.ts';
import { quoted } from '../../core/text.ts';
import type { StateDiff } from '../../pipeline/ask/diff.ts';
import type { ExplainedEvent, Explanation } from '../../pipeline/ask/explain.ts';
import type { KnownEvent } from '../../pipeline/ask/known-events.ts';
import type { FoundRow } from '../../pipeline/ask/list-rows.ts';
import { type Moment, momentText } from '../../pipeline/ask/moment.ts';
import { type FoundState, stateSentence } from '../../pipeline/ask/state-at.ts';
import type { WhatIf, WouldChange } from '../../pipeline/ask/what-if.ts';
import type { AnsweredDomain } from './ask-json.ts';
import { iso } from './ask-json.ts';
import { deliveryLines } from './delivery-text.ts';

/** The answers to questions about orders, as the commands print them for people. */

type Columns = Pick<View<never>, 'columns'>;

const ID_CHARACTERS = 255;

export function rowLine({ columns }: Columns, found: FoundRow): string {
  const { entityId, row, version, waitsFor, lastArrivalMs } = found;
  const waits = waitsFor === null ? '' : `  waits for ${waitsFor}`;
  const last = lastArrivalMs === null ? '' : `  last event journaled ${iso(lastArrivalMs)}`;
  return `${quoted(entityId, ID_CHARACTERS)}  version ${version}  ${valuesOf({ columns }, row)}${waits}${last}`;
}

export function explanationText<Event>(explanation: Explanation<Event>): string {
  const { entityId, version, sentences, events, columns, areAllEvents, deliveries } = explanation;
  const parts = [`${quoted(entityId, ID_CHARACTERS)}  version ${version}`, sentences.join('\n')];
  if (explanation.row !== null)
    parts.push(
      [
        'COLUMNS',
        ...columns.map(
          ({ column, value, decidedBy }) => `${column} = ${valueText(value)}${decider(decidedBy)}`,
        ),
      ].join('\n'),
    );
  if (events.length > 0) {
    const heading = areAllEvents ? 'EVENTS BY ARRIVAL' : `THE LAST ${events.length} EVENTS BY ARRIVAL`;
    const byPlace = [...events].sort((left, right) => left.place - right.place);
    parts.push([heading, ...events.map(eventLine)].join('\n'));
    parts.push(
      `IN CANONICAL SEQUENCE\n${byPlace.map((event) => `${event.version} ${event.eventType}`).join(' -> ')}`,
    );
  }
  if (deliveries.length > 0) parts.push(['DELIVERIES', ...deliveries.flatMap(deliveryLines)].join('\n'));
  return parts.join('\n\n');
}

function eventLine<Event>(event: ExplainedEvent<Event>): string {
  const { version, place, eventType, eventId, occurredAtMs, observedAtMs, changed } = event;
  const from =
    event.topic === ''
      ? 'taken over with the table'
      : `${event.topic}/${event.partition} offset ${event.offset}`;
  const marks = [
    ...(event.isLate ? ['LATE'] : []),
    ...(event.conflictsWith.length > 0 ? [`CONFLICT with ${event.conflictsWith.join(', ')}`] : []),
    ...(changed === null || changed.length === 0 ? [] : [`changed ${changed.join(', ')}`]),
  ];
  return [
    `${version}  ${eventType}  ${quoted(eventId)}`,
    `occurred ${iso(occurredAtMs)}`,
    `journaled ${iso(observedAtMs)}`,
    from,
    `place ${place}`,
    ...marks,
  ].join('  ');
}

export function stateText<Event>(
  { columns }: Columns,
  entityId: string,
  moment: Moment,
  state: FoundState<Event>,
  nowMs: number,
): string {
  const counted = `${state.events.length} of ${state.lastVersion} events count`;
  return [
    `${quoted(entityId, ID_CHARACTERS)}  ${momentWords(moment)}: ${counted}`,
    stateSentence(state, nowMs),
    ...columns.map(({ name }, index) => {
      const value = state.row[index] ?? null;
      return `${name} = ${valueText(value)}${decider(state.deciders[index] ?? null)}`;
    }),
  ].join('\n');
}

function momentWords(moment: Moment): string {
  switch (moment.kind) {
    case 'now':
      return 'now';
    case 'at':
      return `by what had happened at ${momentText(moment)}`;
    case 'as_known_at':
      return `as known at ${iso(moment.ms)}`;
    case 'version':
      return `at version ${moment.version}`;
  }
}

export function diffText<Event>(
  entityId: string,
  [from, to]: readonly [Moment, Moment],
  diff: Extract<StateDiff<Event>, { kind: 'diff' }>,
): string {
  const events = [
    ...diff.added.map((event) => `+ ${shortEvent(event)}`),
    ...diff.removed.map((event) => `- ${shortEvent(event)}`),
  ];
  return [
    `${quoted(entityId, ID_CHARACTERS)}  from ${momentText(from)} to ${momentText(to)}`,
    ...(diff.columns.length === 0 ? ['No column differs.'] : []),
    ...diff.columns.map(
      (column) =>
        `${column.column}: ${valueText(column.from)} -> ${valueText(column.to)}${decider(column.decidedBy)}`,
    ),
    ...(events.length === 0 ? ['The same events count.'] : events),
  ].join('\n');
}

export function whatIfText<Event>(
  domain: Pick<AnsweredDomain, 'noun' | 'view'>,
  entityId: string,
  outcome: WhatIf<Event>,
): string {
  return [quoted(entityId, ID_CHARACTERS), ...whatIfLines(domain, outcome)].join('\n');
}

function whatIfLines<Event>(domain: Pick<AnsweredDomain, 'noun' | 'view'>, outcome: WhatIf<Event>): string[] {
  const { columns } = domain.view;
  const { noun } = entityWords(domain);
  switch (outcome.kind) {
    case 'refused':
      return [`It would be refused and put into quarantine (${outcome.reason}): ${outcome.detail}`];
    case 'duplicate':
      return [`It is a duplicate of the event with version ${outcome.knownAs}: nothing would change.`];
    case 'parked':
      return [
        `It would be journaled as version ${outcome.version}. The ${noun} is parked or cannot be folded ` +
          `(${outcome.reason}), so its row would stand still: ${outcome.detail}`,
      ];
    case 'too_long':
      return [
        `The ${noun} has ${outcome.lastVersion} events, more than the ${outcome.maxEvents} that are folded here.`,
      ];
    case 'changes': {
      const { before, after, columns: changed, version } = outcome;
      const conflicts = outcome.conflictsWith.join(', ');
      return [
        `It would be journaled as version ${version}.`,
        ...(outcome.isLate ? ['It is late: later events are in the journal already.'] : []),
        ...(conflicts === ''
          ? []
          : [`It conflicts with version ${conflicts}: the same id, another content.`]),
        `before  ${before === null ? `no such ${noun}` : valuesOf({ columns }, before.row)}`,
        `after   ${valuesOf({ columns }, after.row)}`,
        ...changed.map(({ column, from, to }) => `${column}: ${valueText(from)} -> ${valueText(to)}`),
        dueLine(outcome),
      ];
    }
  }
}

function dueLine({ dueTo, version, waitsForRebuild }: WouldChange<unknown>): string {
  if (waitsForRebuild)
    return 'Its row would stay as it is, and nothing would become due: rows and deliveries wait for a rebuild ("order-sync rebuild").';
  return dueTo.length === 0
    ? 'Nothing would become due.'
    : `Version ${version} would become due to ${dueTo.join(', ')}.`;
}

function shortEvent({ version, eventType, eventId }: KnownEvent<unknown>): string {
  return `event ${version}  ${eventType}  ${quoted(eventId)}`;
}

function decider(event: KnownEvent<unknown> | null): string {
  return event === null
    ? ''
    : `  decided by event ${event.version} (${event.eventType} of ${iso(event.occurredAtMs)})`;
}

function valuesOf({ columns }: Columns, row: ViewRow): string {
  return columns.map(({ name }, index) => `${name}=${valueText(row[index] ?? null)}`).join(' ');
}

/** A value on one line. A status of the view is a plain word, and anything else is quoted. */
function valueText(value: ViewValue): string {
  if (typeof value === 'string' && !/^[\w.:-]{1,64}$/.test(value)) return quoted(value);
  return String(value);
}
