import { describe, expect, it } from 'vitest';
import {
  type FoundColumn,
  type FoundTable,
  NO_CHOICES,
  type RawValue,
  RowReader,
} from '../../../src/core/adoption/index.ts';
import type { ViewRow } from '../../../src/core/domain.ts';
import { EXACT_COLUMNS } from './tables.ts';

const VIEW = {
  table: 'orders',
  keyColumn: 'order_id',
  columns: [
    { name: 'status', type: 'text' },
    { name: 'flag', type: 'boolean' },
  ],
} as const;

const TABLE: FoundTable = {
  name: 'orders',
  kind: 'table',
  findings: [],
  columns: ['order_id', 'status', 'flag', 'deletedAt'].map((name) => ({
    name,
    type: 'text',
    family: 'text',
    isGenerated: false,
    defaultValue: null,
  })),
  isKeyUnique: true,
  attachments: [],
  namesTaken: [],
  notes: [],
  isMarkedOurs: false,
};

function readerOf(choices = NO_CHOICES) {
  const adopt = (_: string, row: ViewRow) => {
    if (row[0] === 'unknown') throw new Error('column status holds "unknown"');
    return { delivery: row[1] === true ? ('sent' as const) : ('due' as const) };
  };
  return new RowReader(VIEW, TABLE, adopt, choices);
}

/** How each flag of one column is read; null: it is not clear. */
function readFlags(flags: readonly RawValue[]): (string | null)[] {
  const reader = readerOf();
  return flags.map((flag) => reader.read({ id: 'a', values: [null, flag], marks: [null] })?.delivery ?? null);
}

describe('the flags of a column', () => {
  it.each<[RawValue, RawValue]>([
    [1n, 0n],
    [1, 0],
    ['1', '0'],
    ['TRUE', 'false'],
    ['t', 'F'],
    ['Yes', 'NO'],
    ['y', 'N'],
    ['on', 'OFF'],
  ])('flags are read where they are %s and %s, and NULL was never set', (yes, no) => {
    expect(readFlags([yes, no, null])).toEqual(['sent', 'due', 'due']);
  });

  it.each<[string, readonly RawValue[], readonly (string | null)[]]>([
    ['of several vocabularies', ['N', 'T', 'F'], ['due', null, null]],
    ['numbers and words', ['1', 'TRUE'], ['sent', null]],
    ['other numbers', [2n, -1n, 0.5], [null, null, null]],
    ['other words', ['', ' ', 'J', 'SENT', 'maybe'], [null, null, null, null, null]],
    ['bytes', [new Uint8Array([0]), new Uint8Array([1])], [null, null]],
    ['names that every object has', ['toString', '__proto__'], [null, null]],
  ])('flags are not clear where they are %s', (_, flags, read) => {
    expect(readFlags(flags)).toEqual(read);
  });

  it('each unclear flag is named, with the number of rows that have it', () => {
    const reader = readerOf();
    for (const flag of ['Y', 'maybe', 'maybe', 'T'])
      reader.read({ id: 'a', values: [null, flag], marks: [null] });
    expect(reader.findings().map(({ problem }) => problem)).toEqual([
      expect.stringContaining('"maybe" (2 rows), "T" (1 rows)'),
    ]);
  });
});

describe('a row', () => {
  it('all that is wrong with one row is found in one reading', () => {
    const reader = readerOf();
    expect(reader.read({ id: null, values: ['unknown', 'maybe'], marks: ['2024-01-01'] })).toBeNull();
    expect(
      reader
        .findings()
        .map(({ code }) => code)
        .sort(),
    ).toEqual(['deleted_rows', 'flag_unclear', 'id_null', 'row_not_understood']);
  });

  it.each<[RawValue, string]>([
    [null, 'id_null'],
    ['', 'id_empty'],
    ['\u00e9'.repeat(128), 'id_too_long'],
    [new Uint8Array([0x61, 0xff]), 'id_encoding'],
    [1.5, 'id_type'],
  ])('the row is refused for its id %s as %s', (id, code) => {
    const reader = readerOf();
    expect(reader.read({ id, values: [null, 1n], marks: [null] })).toBeNull();
    expect(reader.findings().map((finding) => finding.code)).toEqual([code]);
  });

  it('an id may have 255 bytes, and not one more', () => {
    const isRead = (id: string) =>
      readerOf().read({ id, values: [null, 1n], marks: [null] })?.entityId === id;
    expect([isRead('x'.repeat(255)), isRead('x'.repeat(256)), isRead(`${'é'.repeat(127)}x`)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('one of several marks is enough to delete a row', () => {
    const columns = [...TABLE.columns, { ...(TABLE.columns[0] as FoundColumn), name: 'active' }];
    const reader = new RowReader(
      VIEW,
      { ...TABLE, columns },
      () => ({ delivery: 'due' as const }),
      NO_CHOICES,
    );
    const isTaken = (...marks: RawValue[]) => reader.read({ id: 'a', values: [null, 1n], marks }) !== null;
    expect(reader.marks.map(({ means }) => means)).toEqual(['deleted', 'alive']);
    expect([isTaken(null, 1n), isTaken(1n, 1n), isTaken(null, 0n), isTaken(1n, 0n)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('an id is kept to the byte', () => {
    const reader = readerOf();
    const ids = ['A1', 'a1', 'A1 ', 'e\u0301', '\u{1f600}', '\ufeffx', 'a\u0000'];
    for (const id of ids) {
      expect(reader.read({ id: Buffer.from(id), values: [null, 1n], marks: [null] })?.entityId).toBe(id);
    }
    expect(reader.read({ id: 9007199254740993n, values: [null, 1n], marks: [null] })?.entityId).toBe(
      '9007199254740993',
    );
  });

  it('a row that is marked as deleted is taken only if a person said so', () => {
    const row = { id: 'a', values: [null, 1n], marks: ['2024-01-01'] } as const;
    expect(readerOf().read(row)).toBeNull();
    expect(readerOf({ leavesOtherColumns: true, takesDeletedRows: true }).read(row)).not.toBeNull();
    expect(readerOf().read({ ...row, marks: [0n] })).not.toBeNull();
  });

  it('rows are counted by the delivery that they need, until the reading begins again', () => {
    const reader = readerOf();
    for (const flag of [1n, 1n, 0n]) reader.read({ id: 'a', values: [null, flag], marks: [null] });
    reader.read({ id: '', values: ['unknown', null], marks: [null] });
    expect(reader.deliveries).toEqual({ sent: 2, due: 1, none: 0 });
    expect(reader.findings()).toHaveLength(2);
    reader.restart();
    expect(reader.deliveries).toEqual({ sent: 0, due: 0, none: 0 });
    expect(reader.findings()).toEqual([]);
    // The words of the flags stay known.
    expect(reader.read({ id: 'a', values: [null, 'true'], marks: [null] })).toBeNull();
    expect(reader.findings().map(({ code }) => code)).toEqual(['flag_unclear']);
  });

  it('the row has texts and whole numbers as values, and an unset flag where it is NULL', () => {
    const view = { ...VIEW, columns: [...VIEW.columns, { name: 'count', type: 'integer' as const }] };
    const rows: ViewRow[] = [];
    const adopt = (_: string, row: ViewRow) => {
      rows.push(row);
      return { delivery: 'none' as const };
    };
    const reader = new RowReader(view, TABLE, adopt, NO_CHOICES);
    const read = (...values: RawValue[]) => reader.read({ id: 'a', values, marks: [null] });
    expect(read('open', 1n, 9_007_199_254_740_991n)).toEqual({ delivery: 'none', entityId: 'a' });
    read(Buffer.from('\ufeff\u00e9'), 0n, -5n);
    read(null, null, null);
    expect(rows).toEqual([
      ['open', true, 9_007_199_254_740_991],
      ['\ufeff\u00e9', false, -5],
      [null, false, null],
    ]);
    expect(reader.deliveries.none).toBe(3);
    expect(reader.findings()).toEqual([]);

    for (const value of ['\ud800', Buffer.from([0x61, 0xff]), 5n]) expect(read(value, 1n, 1n)).toBeNull();
    for (const value of [9_007_199_254_740_992n, 1, '1']) expect(read(null, 1n, value)).toBeNull();
    const stop = 'with the program that made it stopped';
    expect(reader.findings()).toEqual([
      {
        code: 'value_type',
        problem: '3 rows have a value of another type (value of status): "\\ud800", 0x61ff, 5',
        remedy: `Correct such rows, ${stop}.`,
      },
      {
        code: 'value_type',
        problem: '3 rows have a value of another type (value of count): 9007199254740992, 1, "1"',
        remedy: `Correct such rows, ${stop}.`,
      },
    ]);
  });

  it('decimals, moments and JSON are read in their canonical form, and nothing is rounded', () => {
    const view = { ...VIEW, columns: EXACT_COLUMNS };
    const rows: ViewRow[] = [];
    const adopt = (_: string, row: ViewRow) => {
      rows.push(row);
      return { delivery: 'none' as const };
    };
    const reader = new RowReader(view, TABLE, adopt, NO_CHOICES);
    const read = (...values: RawValue[]) => reader.read({ id: 'a', values, marks: [null] });
    read('12.3', '2026-11-30 07:46:58.5', '{"b": 1, "a": [12345678901234567890]}');
    read(7n, '2026-11-30T08:46:58+01:00', Buffer.from(' "é" '));
    read(null, null, 'null');
    expect(rows).toEqual([
      ['12.30', '2026-11-30T07:46:58.500000Z', '{"a":[12345678901234567890],"b":1}'],
      ['7.00', '2026-11-30T07:46:58.000000Z', '"é"'],
      [null, null, null],
    ]);
    expect(reader.findings()).toEqual([]);
    for (const total of ['12.345', '10000', 'ten', 1.5]) expect(read(total, null, null)).toBeNull();
    for (const moment of ['2026-11-30', '2026-02-30 00:00:00', 0n])
      expect(read(null, moment, null)).toBeNull();
    for (const address of ['{', '', 5n]) expect(read(null, null, address)).toBeNull();
    expect(reader.findings().map(({ problem }) => problem)).toEqual([
      '4 rows have a value of another type (value of total): "12.345", "10000", "ten", 1.5',
      '3 rows have a value of another type (value of paid_at): "2026-11-30", "2026-02-30 00:00:00", 0',
      '3 rows have a value of another type (value of address): "{", "", 5',
    ]);
  });

  it('each kind of fault has a sentence and a remedy', () => {
    const reader = readerOf();
    const read = (id: RawValue, status: RawValue = null, mark: RawValue = null) =>
      reader.read({ id, values: [status, 1n], marks: [mark] });
    for (const id of [null, null, '', 'x'.repeat(256), new Uint8Array(20).fill(0xff), 1.5]) read(id);
    read('b', null, '2024-01-01');
    read('c', 'unknown');
    const stop = 'with the program that made it stopped';
    const long = `"${'x'.repeat(40)}" (cut off, 256 characters)`;
    expect(reader.findings()).toEqual([
      {
        code: 'id_null',
        problem: '2 rows have no order_id (NULL)',
        remedy: `Delete such rows, or give them ids, ${stop}.`,
      },
      {
        code: 'id_empty',
        problem: '1 row has an empty order_id',
        remedy: `Delete such rows, or give them ids, ${stop}.`,
      },
      {
        code: 'id_too_long',
        problem: `1 row has an id of more than 255 bytes: ${long}`,
        remedy: `Delete such rows, or give them shorter ids, ${stop}.`,
      },
      {
        code: 'id_encoding',
        problem: `1 row has an id that is not UTF-8: 0x${'ff'.repeat(16)}`,
        remedy: `Correct or delete such rows, ${stop}.`,
      },
      {
        code: 'id_type',
        problem: '1 row has an id that is neither a text nor a whole number: 1.5',
        remedy: `Correct or delete such rows, ${stop}.`,
      },
      {
        code: 'deleted_rows',
        problem: '1 row has a mark that says the order was deleted: "b"',
        remedy: `Delete such rows, ${stop}; or, if they are to be taken over as any other, add --with-deleted-rows.`,
      },
      {
        code: 'row_not_understood',
        problem: '1 row cannot be understood: "c" (column status holds "unknown")',
        remedy: `Correct or delete such rows, ${stop}.`,
      },
    ]);
  });

  it('a finding names at most five rows, each once, and at most ten values', () => {
    const reader = readerOf();
    for (const id of ['a', 'b', 'b', 'c', 'd', 'e', 'f', 'g'])
      reader.read({ id, values: ['unknown', null], marks: [null] });
    for (let number = 2; number < 14; number++)
      reader.read({ id: 'a', values: [null, BigInt(number)], marks: [null] });
    reader.read({ id: 'a', values: [null, 2n], marks: [null] });
    const [rows, flags, ...others] = reader.findings();
    expect(others).toEqual([]);
    const named = ['a', 'b', 'c', 'd', 'e'].map((id) => `"${id}" (column status holds "unknown")`);
    expect(rows?.problem).toBe(`8 rows cannot be understood: ${named.join(', ')}, ...`);
    expect(flags).toEqual({
      code: 'flag_unclear',
      problem:
        'its column flag is to say whether a row was sent, and holds what is no clear yes or no, or not in the words of its other rows: 2 (2 rows), 3 (1 rows), 4 (1 rows), 5 (1 rows), 6 (1 rows), 7 (1 rows), 8 (1 rows), 9 (1 rows), 10 (1 rows), 11 (1 rows)',
      remedy: 'Change the column to BOOLEAN: TRUE (1) where the row was sent, FALSE (0) where it was not.',
    });
  });

  it('a finding names the row by its id, and each column of it that is not understood', () => {
    const problems = ['no such status', 'no such flag'];
    const entityIds = new Set<string>();
    const adopt = (entityId: string, row: ViewRow): { delivery: 'due' } => {
      entityIds.add(entityId);
      if (entityId === 'pair') {
        if (row[0] !== null && row[1] === true) throw new Error('no such pair');
        return { delivery: 'due' };
      }
      if (row[0] !== null) throw new Error(problems[0]);
      if (row[1] === true) throw new Error(problems[1]);
      return { delivery: 'due' };
    };
    const reader = new RowReader(VIEW, TABLE, adopt, NO_CHOICES);
    reader.read({ id: 'a', values: ['x', 1n], marks: [null] });
    reader.read({ id: null, values: ['x', 0n], marks: [null] });
    reader.read({ id: '', values: ['x', 0n], marks: [null] });
    reader.read({ id: 'pair', values: ['x', 1n], marks: [null] });
    expect(reader.findings().find(({ code }) => code === 'row_not_understood')?.problem).toBe(
      '5 rows cannot be understood: "a" (no such status), "a" (no such flag), ' +
        'a row whose id is NULL (no such status), a row whose id is "" (no such status), "pair" (no such pair)',
    );
    expect([...entityIds]).toEqual(['a', 'a row without an id', 'pair']);
  });

  it.each<[string, RawValue, boolean]>([
    ['deletedAt', '0', false],
    ['deletedAt', '', false],
    ['deletedAt', 'FALSE', false],
    ['deletedAt', 'f', false],
    ['deletedAt', 'No', false],
    ['deletedAt', 'n', false],
    ['deletedAt', 'off', false],
    ['deletedAt', 0, false],
    ['deletedAt', null, false],
    ['deletedAt', new Uint8Array([0, 0]), false],
    ['deletedAt', new Uint8Array([0, 1]), true],
    ['deletedAt', 1n, true],
    ['deletedAt', 'yes', true],
    ['active', 1n, false],
    ['active', null, false],
    ['active', 0n, true],
    ['active', 'off', true],
  ])('a row is deleted by %s = %s: %s', (mark, value, isDeleted) => {
    const columns = TABLE.columns.map((column) => ({
      ...column,
      name: column.name.replace('deletedAt', mark),
    }));
    const reader = new RowReader(
      VIEW,
      { ...TABLE, columns },
      () => ({ delivery: 'due' as const }),
      NO_CHOICES,
    );
    expect(reader.read({ id: 'a', values: [null, 1n], marks: [value] }) === null).toBe(isDeleted);
  });
});
