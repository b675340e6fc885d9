import { describe, expect, it } from 'vitest';
import { type FoundTable, NO_CHOICES, type RawValue, RowReader } from '../../../src/core/adoption/index.ts';
import type { ViewRow } from '../../../src/core/domain.ts';

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
});
