import type { Domain, View, ViewColumn } from '../../core/domain.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { nameFault } from '../../core/view-names.ts';
import { columnFault } from '../../core/view-values.ts';
import { compileTypes } from '../decode/event-types.ts';
import { rowFault } from '../ingest/unfoldable.ts';
import type { EventSchema } from './body-types.ts';
import type { DomainDefinition, EventDefinition } from './definition.ts';
import { isStandardSchema } from './standard-schema.ts';

const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;
const COLUMN_TYPES: readonly string[] = [
  'text',
  'boolean',
  'integer',
  'decimal',
  'timestamp',
  'json',
] satisfies ViewColumn['type'][];
/** Tables of the store itself. */
const OWN_TABLES: ReadonlySet<string> = new Set(
  (
    'audit_log checkpoint_decisions checkpoints deliveries delivery_attempts delivery_repairs delivery_senders event_journal ' +
    'fold_snapshots group_decisions holds jobs journal_index journal_places journal_segments parked_entities quarantine ' +
    'redrive_jobs schema_migrations store_identity store_time sweeps view_records view_states'
  ).split(' '),
);

/** Says where in the definition something is wrong, and what would be right. */
type Report = (place: string, fault: string) => void;

/** Checks what the types cannot say, or what a program without types gets wrong. Throws `domain_invalid` with all faults. */
export function checkDefinition(definition: DomainDefinition<Record<string, EventSchema>, unknown>): void {
  const faults: string[] = [];
  const report: Report = (place, fault) => void faults.push(`${place} ${fault}.`);
  const { name, noun, events, evolve } = definition;
  if (!/^[A-Za-z0-9_]{1,60}$/.test(String(name)))
    report('name', 'has to be 1 to 60 letters, digits and underscores');
  if (noun !== undefined && !/^[a-z][a-z0-9 _-]{0,39}$/.test(noun))
    report('noun', 'has to be a word in lower case, as in "article"');
  const types = Object.entries(events ?? {});
  if (types.length === 0) report('events', 'is empty: name at least one event type');
  for (const [type, event] of types) checkEvent(type, event, definition, report);
  for (const type of Object.keys(events ?? {}))
    if (typeof (evolve as Record<string, unknown> | undefined)?.[type] !== 'function')
      report(`evolve.${type}`, 'is missing: write a function (state, body) => state');
  for (const type of Object.keys(evolve ?? {}))
    if (!Object.hasOwn(events ?? {}, type))
      report(`evolve.${type}`, 'folds an event type that events does not have');
  if (definition.initialState === undefined) report('initialState', 'is missing');
  if (definition.view === undefined) report('view', 'is missing');
  else checkColumns(definition.view, report);
  throwIfAny(String(name), faults);
}

function checkEvent(
  type: string,
  event: EventDefinition<EventSchema>,
  shared: DomainDefinition<Record<string, EventSchema>, unknown>,
  report: Report,
): void {
  const place = `events.${type}`;
  const topic = event.topic ?? shared.topic;
  if (topic === undefined) report(`${place}.topic`, 'is missing, and the domain has no topic for all');
  else if (!TOPIC.test(topic))
    report(`${place}.topic`, `is ${quoted(topic)}, which Kafka does not take as a topic`);
  for (const field of ['entityIdField', 'occurredAtField'] as const) {
    const value = event[field] ?? shared[field];
    if (typeof value !== 'string' || value === '')
      report(`${place}.${field}`, `is missing, and the domain has no ${field} for all`);
  }
  const { schema, meaningfulFields } = event;
  if (typeof schema !== 'function' && (typeof schema !== 'object' || schema === null)) {
    report(
      `${place}.schema`,
      'is missing: give a JSON Schema, or a schema of a library with Standard Schema',
    );
    return;
  }
  if (isStandardSchema(schema)) {
    if (isLate(schema))
      report(`${place}.schema`, 'checks bodies later, by a promise: give one that answers at once');
    return;
  }
  const known = new Set([
    ...Object.keys(schema.properties ?? {}),
    ...['eventType', 'eventId', 'revision'],
    event.entityIdField ?? shared.entityIdField,
    event.occurredAtField ?? shared.occurredAtField,
  ]);
  const strange = meaningfulFields?.filter((field) => !known.has(field)) ?? [];
  if (strange.length > 0)
    report(
      `${place}.meaningfulFields`,
      `names ${strange.map((field) => quoted(field)).join(', ')}, which its schema has not`,
    );
}

function isLate(schema: Parameters<typeof isStandardSchema>[0]): boolean {
  try {
    return isStandardSchema(schema) && schema['~standard'].validate({}) instanceof Promise;
  } catch {
    return false;
  }
}

function checkColumns({ table, keyColumn, columns, readyColumn }: View<never>, report: Report): void {
  const tableFault = nameFault(String(table), 'table');
  if (tableFault !== null) report('view.table', tableFault);
  else if (OWN_TABLES.has(table)) report('view.table', `is ${quoted(table)}, a table of the store itself`);
  const names = new Set<string>(['version']);
  for (const [place, name] of [
    ['view.keyColumn', keyColumn],
    ...columns.map(({ name: column }, index) => [`view.columns[${index}].name`, column] as const),
  ] as const) {
    const fault = nameFault(String(name), 'column');
    if (fault !== null) report(place, fault);
    else if (names.has(name.toLowerCase()))
      report(place, `is ${quoted(name)}, which another column of the table is called`);
    names.add(String(name).toLowerCase());
  }
  for (const [index, column] of columns.entries()) {
    const place = `view.columns[${index}]`;
    if (!COLUMN_TYPES.includes(column.type))
      report(`${place}.type`, `is ${quoted(String(column.type))}: give one of ${COLUMN_TYPES.join(', ')}`);
    const fault = columnFault(column);
    if (fault !== null) report(place, `cannot be made: ${fault}`);
  }
  if (readyColumn === undefined) return;
  const ready = columns.find(({ name }) => name === readyColumn);
  if (ready?.type !== 'boolean')
    report('view.readyColumn', `is ${quoted(readyColumn)}, which is no boolean column of the view`);
}

/** Checks that the domain works from its first state on. Throws `domain_invalid` with all faults. */
export function checkDomain<State, Event>(domain: Domain<State, Event>): void {
  const topics = Object.values(domain.eventTypes).map(({ topic }) => [topic, topic]);
  // Compiles the schemas, and throws for one that is not valid.
  compileTypes(domain, Object.fromEntries(topics));
  const faults: string[] = [];
  const report: Report = (place, fault) => void faults.push(`${place} ${fault}.`);
  const { view, initialState } = domain;
  try {
    const row = view.row(initialState);
    const fault = rowFault(view, row);
    if (fault !== null) report('view.row', `of the initial state is wrong. ${fault.replace(/\.$/, '')}`);
    const isReady = view.isReady(initialState);
    if (typeof isReady !== 'boolean')
      report('view.isReady', 'of the initial state is neither true nor false');
    const place = view.columns.findIndex(({ name }) => name === view.readyColumn);
    if (place !== -1 && row[place] !== isReady)
      report('view.readyColumn', 'does not show what isReady says of the initial state');
  } catch (error) {
    report('view', `throws for the initial state: ${messageOf(error)}`);
  }
  throwIfAny(domain.name, faults);
}

function throwIfAny(name: string, faults: readonly string[]): void {
  if (faults.length === 0) return;
  throw new TributaryError(
    'domain_invalid',
    `The definition of the domain ${quoted(name)} cannot work:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  );
}
