import type { EventType, JsonObject, JsonValue } from '../../core/domain.ts';
import { isJsonObject } from '../../core/json-canonical.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import { changeForm, isConnectEnvelope, looksLikeCloudEvent } from '../decode/forms/bodies.ts';
import { alike, parsed, similarName } from '../decode/forms/kinds.ts';
import { HEADER_PLACE } from '../decode/source/field-names.ts';
import { EVENT_IDS, idHeader, MESSAGE_IDS } from './header-fields.ts';
import { Meaning } from './meaning.ts';

/** What is asked of a domain: the fields of its events. */
export interface DomainFields {
  readonly eventTypes: Readonly<
    Record<string, Pick<EventType<unknown>, 'topic' | 'schema' | 'entityIdField' | 'occurredAtField'>>
  >;
}

/** A record, and the body that a source makes of it. */
export interface BodyOfRecord {
  readonly record: LogRecord;
  readonly body: JsonObject;
}

/** A name or a value that a pair of a setting can hold. */
export const FITS_A_SETTING = /^[^=,\s](?:[^=,]*[^=,\s])?$/;

/**
 * The places in the records at which fields of the domain stand under another name, with the domain's names: by similar names,
 * and if the id of the entity has no such name, by what the values are. `values`,
 * `fields`: those that a person has named.
 */
export function namesIn(
  domain: DomainFields,
  given: readonly BodyOfRecord[],
  values: ReadonlyMap<string, string> = new Map(),
  fields: ReadonlyMap<string, string> = new Map(),
): Map<string, string> {
  const records = given.map(({ record, body }) => ({ record, body: dataOf(body) }));
  const similar = [...similarNames(domain, records)].filter(
    ([, ours]) => ![...fields.values()].includes(ours),
  );
  const found = new Map([...fields, ...similar]);
  const bodies = records.filter(({ body }) => !isWrapping(body) && !isConnectEnvelope(body));
  for (const [place, ours] of new Meaning(domain, bodies, found, values).places()) found.set(place, ours);
  const isMapped = () => [...found.values()].includes('eventId');
  const named = idHeader(records, EVENT_IDS);
  const id = [...found].find(([, ours]) => ours === 'eventId')?.[0];
  // The name of such a header tells more than that of a member.
  if (named !== undefined && id !== undefined && alike(id) === 'id') found.delete(id);
  const header = named ?? (found.size === 0 ? undefined : idHeader(records, MESSAGE_IDS));
  if (header !== undefined && !isMapped()) found.set(`${HEADER_PLACE}${header}`, 'eventId');
  return found;
}

/** The data in an envelope of CloudEvents, which every source looks at; the body itself if it is none. */
function dataOf(body: JsonObject): JsonObject {
  if (!looksLikeCloudEvent(body)) return body;
  const data = typeof body.data === 'string' ? parsed(body.data) : body.data;
  return isJsonObject(data) ? data : body;
}

/** Whether a source knows what to take out of the object: a change event, or an envelope of CloudEvents. */
export function isWrapping(body: JsonObject): boolean {
  return changeForm(body) !== null || looksLikeCloudEvent(body);
}

function similarNames(domain: DomainFields, records: readonly BodyOfRecord[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const { body } of records) {
    const names = Object.keys(body);
    for (const name of wantedNames(domain)) {
      const theirs = names.includes(name) ? undefined : similarName(names, name);
      if (theirs === undefined || !FITS_A_SETTING.test(theirs)) continue;
      if (!isPlausible(name, body[theirs])) continue;
      if (!fields.has(theirs) && ![...fields.values()].includes(name)) fields.set(theirs, name);
    }
  }
  return fields;
}

/** Whether the value can be that of the field. A wrong one of a field that may be missing would have the event refused. */
export function isPlausible(field: string, value: JsonValue | undefined): boolean {
  if (field === 'revision') return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
  return field !== 'eventId' || (typeof value === 'string' && value !== '');
}

export function wantedNames(domain: DomainFields): Set<string> {
  const wanted = new Set(['eventType', 'eventId', 'revision']);
  for (const { schema, entityIdField, occurredAtField } of Object.values(domain.eventTypes)) {
    for (const name of [...Object.keys(propertiesOf(schema)), entityIdField, occurredAtField])
      wanted.add(name);
  }
  return wanted;
}

export function propertiesOf(
  schema: object,
): Readonly<Record<string, { readonly enum?: readonly string[] }>> {
  return (schema as { readonly properties?: Record<string, { readonly enum?: string[] }> }).properties ?? {};
}
