import type { EventType, JsonObject, JsonValue } from '../../core/domain.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import { changeForm, looksLikeCloudEvent } from '../decode/forms/bodies.ts';

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

/** Whether a source knows what to take out of the object: a change event, or an envelope of CloudEvents. */
export function isWrapping(body: JsonObject): boolean {
  return changeForm(body) !== null || looksLikeCloudEvent(body);
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
