import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import type { Domain } from '../../../src/core/domain.ts';
import type { BodyOf } from '../../../src/pipeline/definition/body-types.ts';
import { defineDomain } from '../../../src/pipeline/definition/define-domain.ts';
import type { StandardSchema } from '../../../src/pipeline/definition/standard-schema.ts';
import { Subject } from '../../../src/testing/subject.ts';

const VIEW = {
  table: 'meters',
  keyColumn: 'meter_id',
  columns: [{ name: 'total', type: 'integer' }],
  row: ({ total }: { total: number }) => [total],
  isReady: ({ total }: { total: number }) => total > 10,
} as const;

const SHARED = {
  name: 'meters',
  topic: 'readings',
  entityIdField: 'meterId',
  occurredAtField: 'at',
  initialState: { total: 0 },
  view: VIEW,
};

const READ = { eventType: 'READ', meterId: 'm', at: '2026-01-01T00:00:00Z', amount: 3 };

/** The state after these bodies, by the engine's decoder and fold; or the reason of the first one that is refused. */
function folded(domain: Domain<unknown, unknown>, ...bodies: object[]) {
  const subject = new Subject(domain);
  const decoded = bodies.map((body) => subject.decode(body as never));
  const refused = decoded.find((one) => one.kind === 'rejected');
  if (refused?.kind === 'rejected') return `${refused.record.reason}: ${refused.record.detail}`;
  return subject.stateOf(bodies.flatMap((body) => subject.sampleOf(body as never) ?? []));
}

describe('defineDomain', () => {
  it('infers the bodies from JSON Schema, and adds the fields that every body has', () => {
    const meters = defineDomain({
      ...SHARED,
      events: {
        READ: {
          schema: {
            properties: { amount: { type: 'integer' }, unit: { enum: ['kWh', 'MWh'] } },
            required: ['amount'],
          },
        },
      },
      evolve: {
        READ({ total }, body) {
          expectTypeOf(body).toEqualTypeOf<{ readonly amount: number; readonly unit?: 'kWh' | 'MWh' }>();
          return { total: total + body.amount * (body.unit === 'MWh' ? 1_000 : 1) };
        },
      },
    });
    expect(folded(meters, READ, { ...READ, unit: 'MWh', at: '2026-01-02T00:00:00Z' })).toEqual({
      total: 3_003,
    });
    const { at: _, ...timeless } = READ;
    expect(folded(meters, timeless)).toBe('field_missing: The body has no field at.');
    expect(folded(meters, { ...READ, amount: 'much' })).toContain('field_type_wrong');
  });

  const libraries = [
    ['zod', z.object({ meterId: z.string(), amount: z.number().int(), note: z.string().default('none') })],
    [
      'valibot',
      v.object({
        meterId: v.string(),
        amount: v.pipe(v.number(), v.integer()),
        note: v.optional(v.string(), 'none'),
      }),
    ],
  ] as const;

  it.each(libraries)(
    'takes a schema of %s, gives its output to the fold, and quarantines the rest',
    (_, schema) => {
      const meters = defineDomain({
        ...SHARED,
        events: { READ: { schema: schema as StandardSchema<unknown, { amount: number; note: string }> } },
        evolve: { READ: ({ total }, { amount, note }) => ({ total: total + amount + note.length }) },
      });
      expect(folded(meters, READ)).toEqual({ total: 7 });
      expect(folded(meters, { ...READ, amount: 1.5 })).toBe(
        'schema_invalid: The field "/amount" is not valid by the schema of its type.',
      );
    },
  );

  it('gives the fold the output for the body itself, also if another body was judged before it', () => {
    const meters = defineDomain({
      ...SHARED,
      events: { READ: { schema: z.object({ meterId: z.string(), amount: z.number().int() }) } },
      evolve: { READ: ({ total }, { amount }) => ({ total: total + amount }) },
    });
    const { fault, toEvent } = meters.eventTypes.READ as NonNullable<(typeof meters.eventTypes)['READ']>;
    expect(fault?.({ ...READ, amount: 7 })).toBeNull();
    expect(toEvent(READ)).toMatchObject({ body: { amount: 3 } });
    expect(fault?.({ ...READ, amount: 1.5 })).toEqual({ pointer: '/amount' });
    expect(() => toEvent({ ...READ, amount: 1.5 })).toThrow('does not accept this body: /amount');
  });

  it('keeps what a schema says of the fields that every body has', () => {
    const meters = defineDomain({
      ...SHARED,
      events: {
        READ: {
          schema: {
            properties: {
              meterId: { type: 'string', pattern: '^m' },
              at: { type: 'string', minLength: 20 },
              amount: { type: 'integer' },
            },
            required: ['amount'],
          },
        },
      },
      evolve: { READ: ({ total }, { amount }) => ({ total: total + amount }) },
    });
    expect(folded(meters, READ)).toEqual({ total: 3 });
    expect(folded(meters, { ...READ, meterId: 'x' })).toContain('schema_invalid');
    expect(folded(meters, { ...READ, at: '2026-01-01' })).toContain('invalid');
  });

  it('takes the own fields of an event type for id and time, and tells events apart by them', () => {
    const meters = defineDomain({
      ...SHARED,
      events: {
        READ: {
          schema: { properties: { amount: { type: 'integer' } } },
          entityIdField: 'device',
          occurredAtField: 'readAt',
          meaningfulFields: ['device', 'readAt'],
        },
      },
      evolve: { READ: ({ total }) => ({ total: total + 1 }) },
    });
    const body = { eventType: 'READ', device: 'm', readAt: '2026-01-01T00:00:00Z', amount: 3 };
    expect(folded(meters, body, { ...body, readAt: '2026-01-02T00:00:00Z' })).toEqual({ total: 2 });
    const subject = new Subject(meters);
    const idOf = (more: object) => subject.sampleOf({ ...body, ...more })?.event.eventId;
    expect(idOf({ amount: 4 })).toBe(idOf({}));
    expect(idOf({ readAt: '2026-01-02T00:00:00Z' })).not.toBe(idOf({}));
  });

  it('infers the bodies from the output of a library', () => {
    const schema = z.object({ amount: z.string().transform(Number) });
    expectTypeOf<BodyOf<typeof schema>>().toEqualTypeOf<{ amount: number }>();
    const other = v.object({ amount: v.pipe(v.string(), v.transform(Number)) });
    expectTypeOf<BodyOf<typeof other>>().toEqualTypeOf<{ amount: number }>();
  });

  it('tells events apart by their whole bodies, unless meaningfulFields names fewer', () => {
    const ids = (meaningfulFields?: readonly string[]) => {
      const domain = defineDomain({
        ...SHARED,
        events: {
          READ: {
            schema: { properties: { amount: { type: 'integer' } } },
            ...(meaningfulFields === undefined ? {} : { meaningfulFields }),
          },
        },
        evolve: { READ: (state) => state },
      });
      const subject = new Subject(domain);
      return [READ, { ...READ, extra: 1 }].map((body) => subject.sampleOf(body)?.event.eventId);
    };
    const [first, second] = ids();
    expect(first).not.toBe(second);
    const [third, fourth] = ids(['meterId', 'at', 'amount']);
    expect(third).toBe(fourth);
  });

  it('says at once what is wrong, and where, all faults together', () => {
    const wrong = () =>
      defineDomain({
        ...SHARED,
        name: 'no good',
        events: {
          READ: { schema: {}, meaningfulFields: ['amuont'] },
          LOST: { schema: {}, topic: 'not a topic' },
        },
        evolve: { READ: (state: { total: number }) => state } as never,
        view: {
          ...VIEW,
          table: 'deliveries',
          columns: [
            { name: 'Total', type: 'integer' },
            { name: 'total', type: 'number' as 'integer' },
          ],
          readyColumn: 'total',
        },
      });
    expect(wrong).toThrow(
      [
        'The definition of the domain "no good" cannot work:',
        '  name has to be 1 to 60 letters, digits and underscores.',
        '  events.READ.meaningfulFields names "amuont", which its schema has not.',
        '  events.LOST.topic is "not a topic", which Kafka does not take as a topic.',
        '  evolve.LOST is missing: write a function (state, body) => state.',
        '  view.table is "deliveries", a table of the store itself.',
        '  view.columns[1].name is "total", which another column of the table is called.',
        '  view.columns[1].type is "number": give one of text, boolean, integer, decimal, timestamp, json.',
        '  view.readyColumn is "total", which is no boolean column of the view.',
      ].join('\n'),
    );
  });

  it('refuses a row of the first state that does not fit the columns, and a schema that is none', () => {
    const defined = (schema: object, row: () => number[]) => () =>
      defineDomain({
        ...SHARED,
        events: { READ: { schema: schema as never } },
        evolve: { READ: (state) => state },
        view: { ...VIEW, row },
      });
    expect(defined({}, () => [1, 2])).toThrow('The row has 2 values for 1 columns');
    expect(defined({ properties: { amount: { type: 'intger' } } }, () => [1])).toThrow(
      'the schema of "READ" is not valid',
    );
    expect(
      defined(
        z.object({}).refine(async () => true),
        () => [1],
      ),
    ).toThrow('checks bodies later, by a promise');
  });
});
