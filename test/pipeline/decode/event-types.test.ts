import { describe, expect, it } from 'vitest';
import type { Domain, EventType, JsonObject } from '../../../src/core/domain.ts';
import { type CompiledType, compileTypes, withoutNulls } from '../../../src/pipeline/decode/event-types.ts';

const TEXT = { type: 'string' };

type Definition = Partial<EventType<object>> & { readonly schema: object };

function compiled(definition: Definition, more: Partial<Domain<object, object>> = {}): CompiledType<object> {
  const type: EventType<object> = {
    topic: 'things',
    entityIdField: 'id',
    occurredAtField: 'at',
    toEvent: (body) => body,
    stage: () => 1,
    cautionRank: () => 0,
    ...definition,
  };
  const domain: Domain<object, object> = {
    name: 'things',
    eventTypes: { THING: type },
    initialState: {},
    evolve: (state) => state,
    view: { table: 'things', keyColumn: 'id', columns: [], row: () => [], isReady: () => false },
    ...more,
  };
  return compileTypes(domain, { things: 'shop.things' }).get('THING') as CompiledType<object>;
}

function schemaOf(properties: object, required: readonly string[] = []): { readonly schema: object } {
  return { schema: { type: 'object', required, properties } };
}

const detailOf = (definition: Definition, body: JsonObject) => compiled(definition).check(body)?.detail;

describe('an optional field that is null', () => {
  const definition = schemaOf({ id: TEXT, note: TEXT, mark: { type: ['string', 'null'] } }, ['id']);

  it('counts as absent if its schema refuses null, and the field is not required', () => {
    expect(compiled(definition).absentIfNull).toEqual(['note']);
  });

  it('withoutNulls takes it out of the body, and other fields that are null stay', () => {
    const body = { id: 'a', note: null, mark: null, unknown: null };
    expect(withoutNulls(body, compiled(definition))).toEqual({ id: 'a', mark: null, unknown: null });
    const whole = { id: 'a', mark: null };
    expect(withoutNulls(whole, compiled(definition))).toBe(whole);
  });
});

describe('the detail of a body that its schema refuses', () => {
  it.each([
    ['a/b', '/a~1b'],
    ['a~b', '/a~0b'],
  ])('finds the value of a field that is called %s', (name, pointer) => {
    expect(detailOf(schemaOf({ [name]: { type: 'number' } }), { [name]: true })).toBe(
      `The field "${pointer}" is a boolean, and must be number.`,
    );
  });

  it.each([
    [20, ', 19.'],
    [21, ', 19, \u2026.'],
  ])('lists at most 20 of %i allowed values', (count, end) => {
    const allowed = Array.from({ length: count }, (_, index) => index);
    const detail = detailOf(schemaOf({ size: { enum: allowed } }), { size: -1 }) ?? '';
    expect(detail.slice(-end.length)).toBe(end);
  });

  it('never quotes the value', () => {
    const definition = schemaOf({ state: { enum: ['OPEN', 'SHUT'] } });
    expect(detailOf(definition, { state: 'hunter2' })).not.toContain('hunter2');
    expect(detailOf(definition, { state: ' open' })).toContain('OPEN in other capitals or with white space');
  });

  it('names a field with a similar name in the place of the missing one', () => {
    const order = { type: 'object', required: ['orderId'], properties: { orderId: TEXT } };
    const definition = schemaOf({ order });
    expect(detailOf(definition, { order: { order_id: 'a' } })).toBe(
      'The field "/order" has no field orderId (there is order_id).',
    );
  });
});

describe('a rule of the type itself', () => {
  it.each([
    [{ pointer: '' }, 'schema_invalid', 'The body is not valid by the schema of its type.'],
    [{ pointer: '/id' }, 'schema_invalid', 'The field "/id" is not valid by the schema of its type.'],
  ])('refuses a body with the fault %j', (fault, reason, detail) => {
    expect(compiled({ ...schemaOf({}), fault: () => fault }).check({})).toEqual({ reason, detail });
  });

  it('refuses a body at which its code throws, and takes one without a fault', () => {
    const throws = () => {
      throw new Error('hunter2');
    };
    expect(compiled({ ...schemaOf({}), fault: throws }).check({})).toEqual({
      reason: 'event_not_understood',
      detail: 'The schema of its type throws.',
    });
    expect(compiled({ ...schemaOf({}), fault: () => null }).check({})).toBeNull();
  });
});

describe('the fields that are read', () => {
  it('reads what schema, domain and decoder name', () => {
    const { reads } = compiled({ ...schemaOf({ size: { type: 'number' } }), meaningfulFields: ['colour'] });
    const names = ['size', 'colour', 'id', 'at', 'eventType', 'eventId', 'revision', 'other'];
    expect(names.map((name) => [name, reads(name)])).toEqual(names.map((name) => [name, name !== 'other']));
  });

  it('reads all fields if the schema has a keyword that may read any', () => {
    const { reads } = compiled({ schema: { type: 'object', additionalProperties: false, properties: {} } });
    expect(reads('other')).toBe(true);
  });
});
