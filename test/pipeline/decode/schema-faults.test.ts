import { describe, expect, it } from 'vitest';
import type { Domain, EventType, JsonObject } from '../../../src/core/domain.ts';
import { type CompiledType, compileTypes, withoutNulls } from '../../../src/pipeline/decode/event-types.ts';

const TEXT = { type: 'string' };

type Definition = Partial<EventType<object>> & { readonly schema: object };

function domainOf(
  definition: Definition,
  more: Partial<Domain<object, object>> = {},
): Domain<object, object> {
  const type: EventType<object> = {
    topic: 'things',
    entityIdField: 'id',
    occurredAtField: 'at',
    toEvent: (body) => body,
    stage: () => 1,
    cautionRank: () => 0,
    ...definition,
  };
  return {
    name: 'things',
    eventTypes: { THING: type },
    initialState: {},
    evolve: (state) => state,
    view: { table: 'things', keyColumn: 'id', columns: [], row: () => [], isReady: () => false },
    ...more,
  };
}

const compiled = (definition: Definition) =>
  compileTypes(domainOf(definition), { things: 'shop.things' }).get('THING') as CompiledType<object>;
const schemaOf = (properties: object, required: readonly string[] = []) => ({
  schema: { type: 'object', required, properties },
});
const said = (definition: Definition, body: JsonObject) => {
  const found = compiled(definition).check(body);
  return found === null ? null : `${found.reason}: ${found.detail}`;
};

describe('a domain', () => {
  const compile =
    (more: Partial<Domain<object, object>>, topics: Record<string, string> = { things: 't' }) =>
    () =>
      compileTypes(domainOf({ schema: {} }, more), topics);

  it.each(['', 'a b', 'a-b', ' a', 'a ', 'a.b', 'a!'])('refuses to compile with the name %j', (name) => {
    expect(compile({ name })).toThrow(
      `The domain "${name}" cannot be used: its name may hold letters, digits and underscores only. Correct its definition.`,
    );
  });

  it.each(['a', 'Z9_', '0'])('compiles with the name %s', (name) => {
    expect([...compile({ name })().keys()]).toEqual(['THING']);
  });

  it('needs types, a topic for each, and columns that a table can have', () => {
    expect(compile({ eventTypes: {} })).toThrow('it has no event types');
    expect(compile({}, {})).toThrow('no topic is named for "things"');
    expect(compile({}, Object.create({ things: 'inherited' }))).toThrow('no topic is named for "things"');
    const { view } = domainOf({ schema: {} });
    const column = { name: 'price', type: 'decimal', precision: 0, scale: 0 } as never;
    expect(compile({ view: { ...view, columns: [column] } })).toThrow(
      /^The domain "things" cannot be used: its column price /,
    );
  });

  it('keeps the type of adopted rows apart', () => {
    const adoption = { eventType: 'THING' } as never;
    expect(compile({ adoption })).toThrow('the event type "THING" is that of adopted rows too');
    expect([...compile({ adoption: { eventType: 'OTHER' } as never })().keys()]).toEqual(['THING']);
  });
});

describe('the refusal by a schema', () => {
  it.each<[Definition, JsonObject, string | null]>([
    [schemaOf({ n: { type: 'number' } }), { n: 1 }, null],
    [schemaOf({ id: {} }, ['id']), {}, 'field_missing: The body has no field id.'],
    [schemaOf({ id: {} }, ['id']), { ID: 1 }, 'field_missing: The body has no field id (there is ID).'],
    [
      schemaOf({ a: { type: 'object', required: ['id'], properties: { id: {} } } }),
      { a: { I_D: 1 } },
      'field_missing: The field "/a" has no field id (there is I_D).',
    ],
    [
      schemaOf({ at: TEXT }),
      { at: 1_718_000_000 },
      'time_not_text: at is a number: seconds since 1970, and not a date and time with zone by RFC 3339 as a text.',
    ],
    [
      schemaOf({ at: TEXT }),
      { at: null },
      'time_not_text: at is null, and not a date and time with zone by RFC 3339 as a text.',
    ],
    [
      schemaOf({ at: { type: 'number' } }),
      { at: 'x' },
      'field_type_wrong: The field "/at" is a text, and must be number.',
    ],
    [
      schemaOf({ a: { type: 'object', properties: { at: TEXT } } }),
      { a: { at: 7 } },
      'field_type_wrong: The field "/a/at" is a number, and must be string.',
    ],
    [
      schemaOf({ a: { type: 'array', items: TEXT } }),
      { a: ['x', 7] },
      'field_type_wrong: The field "/a/1" is a number, and must be string.',
    ],
    [
      schemaOf({ a: { enum: ['OPEN', 'SHUT', 7, null] } }),
      { a: 'x' },
      'value_unknown: The field "/a" is a text, and none of OPEN, SHUT, 7, null.',
    ],
    [
      schemaOf({ a: { enum: ['OPEN', 'SHUT'] } }),
      { a: ' shut ' },
      'value_unknown: The field "/a" is SHUT in other capitals or with white space around it, and has to be one of OPEN, SHUT exactly.',
    ],
    [
      schemaOf({ a: { enum: ['OPEN'] } }),
      { a: 7 },
      'value_unknown: The field "/a" is a number, and none of OPEN.',
    ],
    [
      schemaOf({ a: { const: 'OPEN' } }),
      { a: 'x' },
      'value_unknown: The field "/a" is a text, and none of OPEN.',
    ],
    [schemaOf({ a: { const: 7 } }), { a: 8 }, 'value_unknown: The field "/a" is a number, and none of 7.'],
    [
      schemaOf({ a: { type: 'string', minLength: 3 } }),
      { a: 'x' },
      'schema_invalid: The field "/a" must NOT have fewer than 3 characters.',
    ],
    [
      { schema: { type: 'object', maxProperties: 1 } },
      { a: 1, b: 2 },
      'schema_invalid: The body must NOT have more than 1 properties.',
    ],
    [
      schemaOf({ 'a/b~c': { type: 'object', properties: { d: TEXT } } }),
      { 'a/b~c': { d: true } },
      'field_type_wrong: The field "/a~1b~0c/d" is a boolean, and must be string.',
    ],
  ])('%#: says what is wrong', (definition, body, refusal) => {
    expect(said(definition, body)).toBe(refusal);
  });
});

describe('the fields of a schema', () => {
  it.each(['$id', '$schema', 'title', 'description', 'maxProperties', 'minProperties'])(
    'stand under properties alone, also beside %s',
    (keyword) => {
      const value = { $id: 'http://a/b', $schema: 'http://json-schema.org/draft-07/schema#' }[keyword];
      const schema = {
        type: 'object',
        properties: {},
        [keyword]: value ?? (keyword.endsWith('ties') ? 1 : 'x'),
      };
      expect(compiled({ schema }).reads('other')).toBe(false);
      expect(compiled({ schema }).reads('eventType')).toBe(true);
    },
  );

  it('count all, beside a keyword that can read any', () => {
    expect(compiled({ schema: { type: 'object', patternProperties: {} } }).reads('other')).toBe(true);
    expect(compiled({ schema: {} }).reads('other')).toBe(false);
  });

  it('take null for absent if the schema refuses null and the field can be missing', () => {
    const properties = {
      text: TEXT,
      any: {},
      none: false,
      all: true,
      both: { type: ['string', 'null'] },
      referring: { $ref: '#/definitions/x' },
      required: TEXT,
    };
    const schema = { type: 'object', required: ['required'], properties, definitions: { x: TEXT } };
    expect(compiled({ schema }).absentIfNull).toEqual(['text']);
    expect(compiled({ schema }).absentIfNull).toBe(compiled({ schema }).absentIfNull);
    expect(compiled({ schema: {} }).absentIfNull).toEqual([]);
  });

  it('leave the body where they are null and can be missing, and nowhere else', () => {
    const absentIfNull = ['a', 'b'];
    const without = (body: JsonObject) => withoutNulls(body, { absentIfNull });
    expect(without({ a: null, b: 1, c: null })).toEqual({ b: 1, c: null });
    expect(without({ a: null, b: null })).toEqual({});
    const whole = { a: 1, c: null };
    expect(without(whole)).toBe(whole);
    expect(withoutNulls(whole, { absentIfNull: [] })).toBe(whole);
  });
});
