import type { JsonObject, JsonValue } from '../core/domain.ts';
import type { Subject } from './subject.ts';

/** A body that differs from a sample in one field. The domain may refuse it. */
export interface Variant {
  readonly body: JsonObject;
  readonly field: string;
}

interface FieldSchema {
  readonly enum?: readonly JsonValue[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const LONG_TEXT = 'x'.repeat(300);
const MINUTE_MS = 60_000;

/** Bodies that differ from this one in one field: another value, the longest text, the bounds of a number, no value. */
export function variantsOf({ domain }: Subject, body: JsonObject): Variant[] {
  const type = domain.eventTypes[String(body.eventType)];
  if (type === undefined) return [];
  const properties = (type.schema as { properties?: Readonly<Record<string, FieldSchema>> }).properties ?? {};
  const fields = new Set([...Object.keys(properties), ...Object.keys(body)]);
  for (const own of ['eventType', 'eventId', type.entityIdField]) fields.delete(own);
  const at = Date.parse(String(body[type.occurredAtField]));
  return [...fields].flatMap((field): Variant[] => {
    const variant = (value: JsonValue): Variant => ({ body: { ...body, [field]: value }, field });
    if (field === type.occurredAtField)
      return Number.isNaN(at) ? [] : [variant(new Date(at + MINUTE_MS).toISOString())];
    const { [field]: _, ...without } = body;
    return [
      ...otherValues(properties[field] ?? {}, body[field]).map(variant),
      ...(field in body ? [{ body: without, field }] : []),
    ];
  });
}

function otherValues(
  { enum: choices, minimum, maximum }: FieldSchema,
  value: JsonValue | undefined,
): JsonValue[] {
  if (choices !== undefined) return choices.filter((choice) => choice !== value);
  const bounds = [minimum, maximum].filter((bound) => bound !== undefined);
  if (typeof value === 'number') return [value + 1, 0, -1, ...bounds];
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'string') return [`${value}x`, LONG_TEXT, ''];
  return bounds;
}

/** More digits than a double holds. Another text of digits, where the schema allows fewer. */
const EXACT = ['123456789012345678.25', '12345678901234567.25', '1234567890123456.75'];

/** Bodies with a decimal in a text that a double cannot hold, and bodies with fractions that a double cannot add up. */
export function decimalVariantsOf({ domain }: Subject, body: JsonObject): readonly (readonly Variant[])[] {
  const type = domain.eventTypes[String(body.eventType)];
  const at = Date.parse(String(body[type?.occurredAtField ?? '']));
  return Object.entries(body).flatMap(([field, value]): Variant[][] => {
    if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))
      return EXACT.map((text) => [{ body: { ...body, [field]: text }, field }]);
    if (typeof value !== 'number' || type === undefined || Number.isNaN(at)) return [];
    const fractions = [0.1, 0.2, 0.7].map((fraction, index) => ({
      body: {
        ...body,
        [field]: fraction,
        [type.occurredAtField]: new Date(at + index * MINUTE_MS).toISOString(),
      },
      field,
    }));
    return [fractions];
  });
}
