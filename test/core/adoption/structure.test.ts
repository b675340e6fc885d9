import { describe, expect, it } from 'vitest';
import {
  type Attachment,
  examineStructure,
  type FoundColumn,
  type FoundTable,
  NO_CHOICES,
} from '../../../src/core/adoption/index.ts';
import { column, EXACT_COLUMNS, tableWith, VIEW } from './tables.ts';

const ORDER_ID = column('order_id', 'varchar(255)', 'text');
const STATUS = column('status', 'text', 'text');
const SENT = column('sent', 'tinyint(1)', 'integer');
const REVISION = column('revision', 'bigint', 'integer');
const COLUMNS = [ORDER_ID, STATUS, SENT, REVISION];

const examine = (table: FoundTable, choices = NO_CHOICES) => examineStructure(VIEW, table, choices);
const codes = (table: FoundTable) => examine(table).findings.map(({ code }) => code);
/** The table with another column in place of the one of that name. */
const withColumn = (other: FoundColumn) =>
  tableWith(COLUMNS.map((each) => (each.name === other.name ? other : each)));

/** Examines a table of a key and this column, for a view that has the same columns. */
function examineOnly(found: FoundColumn) {
  const columns = [...VIEW.columns, ...EXACT_COLUMNS].filter(({ name }) => name === found.name);
  return examineStructure({ ...VIEW, columns }, tableWith([ORDER_ID, found]), NO_CHOICES);
}

describe('examineStructure', () => {
  it('finds nothing in a table with the columns of the view, in any sequence and case', () => {
    const columns = [REVISION, STATUS, SENT, column('ORDER_ID', 'varchar(255)', 'text')];
    expect(examine(tableWith(columns))).toEqual({ findings: [], isReadable: true });
  });

  it('refuses what is no table, and looks no further', () => {
    const found = examine(tableWith([], { kind: 'a view', namesTaken: ['deliveries'] }));
    expect(found).toEqual({
      findings: [
        {
          code: 'not_a_table',
          problem: '"orders" is a view, not a table',
          remedy:
            'Rename it, or give Tributary another table (ORDER_SYNC_TABLE) or a database of its own (another DATABASE_URL).',
        },
      ],
      isReadable: false,
    });
  });

  it('keeps the findings of the adapter in front, and cannot read the rows of another engine', () => {
    const finding = (code: string) => ({ code, problem: 'p', remedy: 'r' });
    const found = (code: string) => examine(tableWith(COLUMNS, { findings: [finding(code)] }));
    expect(found('charset')).toEqual({ findings: [finding('charset')], isReadable: true });
    expect(found('engine')).toEqual({ findings: [finding('engine')], isReadable: false });
  });

  it('takes a table with none of the columns for one of another program, whatever is bound to it', () => {
    const columns = [column('customer', 'int', 'integer'), column('total', 'decimal(9,2)', 'decimal')];
    const attachments: Attachment[] = [{ kind: 'trigger', name: 'total_changed' }];
    expect(examine(tableWith(columns, { attachments, namesTaken: ['deliveries'] }))).toEqual({
      findings: [
        {
          code: 'unrelated_table',
          problem:
            'it has none of the columns order_id, status, sent, revision: it is a table of another program that has the same name (its columns: "customer", "total")',
          remedy:
            'Do not change it: give Tributary another table (ORDER_SYNC_TABLE) or a database of its own (another DATABASE_URL).',
        },
      ],
      isReadable: false,
    });
  });

  it('names the columns that are missing', () => {
    expect(examine(tableWith([ORDER_ID, STATUS]))).toEqual({
      findings: [
        {
          code: 'column_missing',
          problem: 'it has no column sent, revision (its columns: "order_id", "status")',
          remedy:
            'Add what is missing, or rename the columns that mean the same (ORDER_SYNC_COLUMNS can give the names that they have); if the table is for something else, give Tributary another table (ORDER_SYNC_TABLE) or a database of its own (another DATABASE_URL).',
        },
      ],
      isReadable: false,
    });
  });

  it('names the columns that are only spelt in another way', () => {
    const columns = [column('orderId', 'varchar(36)', 'text'), column('Sta tus', 'text', 'text')];
    const [finding, ...others] = examine(tableWith(columns)).findings;
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      code: 'column_missing',
      remedy:
        'If they mean the same, rename "orderId" to order_id, "Sta tus" to status, or give the names that they have by ORDER_SYNC_COLUMNS; if the table is for something else, give Tributary another table (ORDER_SYNC_TABLE) or a database of its own (another DATABASE_URL).',
    });
  });

  it('finds columns that the view does not have, unless they may be left', () => {
    const others = [column('note', 'text', 'text'), column('total', 'decimal(9,2)', 'decimal')];
    const table = tableWith([...COLUMNS, ...others]);
    expect(examine(table)).toEqual({
      findings: [
        {
          code: 'other_columns',
          problem:
            'it has columns that Tributary does not keep: "note" (text), "total" (decimal(9,2)); statements of the program that made them would fail afterwards',
          remedy:
            'Move them into a table of their own, or give Tributary another table (ORDER_SYNC_TABLE) or a database of its own (another DATABASE_URL). If nobody needs them in "orders" any more, "order-sync adopt --keep-original-columns" takes the table over and leaves them, with all rows, in "orders_original".',
        },
      ],
      isReadable: true,
    });
    expect(examine(table, { ...NO_CHOICES, leavesOtherColumns: true }).findings).toEqual([]);
  });

  it('names each table whose name is taken', () => {
    const { findings, isReadable } = examine(
      tableWith(COLUMNS, { namesTaken: ['deliveries', 'quarantine'] }),
    );
    expect(isReadable).toBe(true);
    expect(findings).toEqual(
      ['deliveries', 'quarantine'].map((name) => ({
        code: 'name_taken',
        problem: `there is a table "${name}" already, whose name is needed to take this one over`,
        remedy: 'Rename or drop it, if nobody needs it.',
      })),
    );
  });

  it('gathers what is bound to the table by its kind', () => {
    const attachments: Attachment[] = [
      { kind: 'trigger', name: 'a' },
      { kind: 'trigger of another table', name: 'b' },
      { kind: 'foreign key of it', name: 'c' },
      { kind: 'foreign key to it', name: 'd' },
      { kind: 'view', name: 'e' },
      { kind: 'routine', name: 'f' },
      { kind: 'event', name: 'g' },
      { kind: 'trigger', name: 'h' },
    ];
    const { findings } = examine(tableWith(COLUMNS, { attachments }));
    expect(findings.map(({ code, problem, remedy }) => [code, problem, remedy])).toEqual([
      [
        'trigger',
        'a trigger of it would go with the renamed table and fire no more: "a", "h"',
        'Drop the trigger, and let its program follow the order events instead.',
      ],
      [
        'trigger_of_another_table',
        'a trigger of another table names it, and would write into a view that only Tributary may write, or fail: "b"',
        'Drop or change the trigger.',
      ],
      [
        'foreign_key_of_it',
        'a foreign key of it would stay with the renamed table and bind nothing any more: "c"',
        'Drop the constraint.',
      ],
      [
        'foreign_key_to_it',
        'a foreign key of another table leads to it, and would lead to the renamed table: "d"',
        'Drop the constraint: new orders would be unknown to it.',
      ],
      [
        'view',
        'a view reads it, whose key and whose ready_to_send would mean something else afterwards: "e"',
        'Drop the view, and make it again afterwards from the new columns.',
      ],
      [
        'routine',
        'a stored routine names it: "f"',
        'Drop the routine, or change it so that it does not use the table.',
      ],
      [
        'event',
        'a scheduled event names it: "g"',
        'Drop the event, or change it so that it does not use the table.',
      ],
    ]);
  });
});

describe('the key of a table', () => {
  it.each(['text', 'integer', 'bytes', 'uuid', 'untyped'] as const)(
    'a key of the family %s is accepted',
    (family) => {
      expect(examine(withColumn(column('order_id', 'x', family)))).toEqual({
        findings: [],
        isReadable: true,
      });
    },
  );

  it.each<[FoundColumn['family'], string, string]>([
    [
      'padded bytes',
      'binary(16)',
      'bytes of a fixed length (a UUID in binary form, or an id filled up with zeros)',
    ],
    ['integer', 'int(8) unsigned ZEROFILL', 'numbers that are filled up with zeros'],
    ['decimal', 'decimal(9,0)', 'which is neither a text nor a whole number'],
    ['decimal', 'decimal(9,0) zerofill', 'which is neither a text nor a whole number'],
    ['enum', "enum('a')", 'which is neither a text nor a whole number'],
    ['text', 'text', ''],
  ])('a key of the family %s (%s) is judged by its type', (family, type, why) => {
    const found = examine(withColumn(column('order_id', type, family)));
    const finding = {
      code: 'key_type',
      problem: `its column "order_id" is ${type}: ${why}, so the text that events have as the id is not clear`,
      remedy: 'Change the column to VARCHAR(255), with each id as the events have it.',
    };
    expect(found).toEqual(
      why === '' ? { findings: [], isReadable: true } : { findings: [finding], isReadable: false },
    );
  });

  it('a key that the database computes is refused', () => {
    expect(examine(withColumn({ ...ORDER_ID, isGenerated: true })).findings).toEqual([
      {
        code: 'generated_column',
        problem: 'its column "order_id" is computed by the database, so nobody has set it',
        remedy: 'Make it a column that is stored and set by the program.',
      },
    ]);
    expect(codes(withColumn({ ...ORDER_ID, family: 'other', isGenerated: true }))).toEqual([
      'generated_column',
      'key_type',
    ]);
  });
});

describe('a column of the view', () => {
  const FAMILIES = [
    'text',
    'enum',
    'integer',
    'decimal',
    'float',
    'bits',
    'bytes',
    'padded bytes',
    'uuid',
    'moment',
    'json',
    'untyped',
    'other',
  ];

  it.each([
    ['status', ['text', 'enum', 'bytes', 'untyped']],
    ['sent', ['text', 'enum', 'integer', 'decimal', 'float', 'bits', 'untyped']],
    ['revision', ['integer', 'untyped']],
    ['total', ['text', 'integer', 'decimal', 'untyped']],
    ['paid_at', ['text', 'moment', 'untyped']],
    ['address', ['text', 'json', 'untyped']],
  ])('the column %s may be of the families %j alone', (name, allowed) => {
    const accepted = FAMILIES.filter((family) => {
      const { findings } = examineOnly(column(name, 'x', family as FoundColumn['family']));
      const found = findings.map(({ code }) => code);
      if (found.length > 0) expect(found).toEqual(['column_type']);
      return found.length === 0;
    });
    expect(accepted).toEqual(allowed);
  });

  it.each([
    ['status', 'a text', 'VARCHAR'],
    ['sent', 'a flag', 'BOOLEAN'],
    ['revision', 'a whole number', 'BIGINT'],
    ['total', 'a decimal', 'DECIMAL'],
    ['paid_at', 'a moment', 'DATETIME(6)'],
    ['address', 'a JSON text', 'LONGTEXT'],
  ])('the column %s is refused by name where it has another type', (name, expected, wanted) => {
    expect(examineOnly(column(name, 'geometry', 'other'))).toEqual({
      findings: [
        {
          code: 'column_type',
          problem: `its column "${name}" is geometry, where ${expected} is expected`,
          remedy: `Change the column to ${wanted}, with values that say what is meant.`,
        },
      ],
      isReadable: false,
    });
  });

  it('a column that the database computes is refused, and its rows are read all the same', () => {
    const found = examine(withColumn({ ...STATUS, isGenerated: true }));
    expect(found.findings.map(({ code }) => code)).toEqual(['generated_column']);
    expect(found.isReadable).toBe(true);
  });

  it.each([
    '1',
    "'1'",
    "b'1'",
    "B'1'",
    '1.00',
    'TRUE',
    't',
    'Yes',
    'y',
    'on',
    '"on"',
    "'yes'",
    '"true"',
    ' ( 1 ) ',
    "_utf8mb4'1'",
    "('y')",
  ])('a flag is refused for its default %s', (defaultValue) => {
    expect(examine(withColumn({ ...SENT, defaultValue })).findings).toEqual([
      {
        code: 'flag_default',
        problem: 'its column "sent" is TRUE by default, so that TRUE does not say that a row was sent',
        remedy: 'Make FALSE the default, and set FALSE in each row that was not sent.',
      },
    ]);
  });

  it.each([
    null,
    '0',
    "'0'",
    "b'0'",
    'FALSE',
    '10',
    '11',
    '0.1',
    '1.5',
    "'10'",
    'NULL',
    'not 1',
    '1)',
    'x1',
    "'1",
    "x'1'",
    '_utf8(1)',
    '()1',
  ])('a flag may have the default %s', (defaultValue) => {
    expect(codes(withColumn({ ...SENT, defaultValue }))).toEqual([]);
  });

  it('a column that is no flag may have any default', () => {
    expect(codes(withColumn({ ...REVISION, defaultValue: '1' }))).toEqual([]);
    expect(codes(withColumn({ ...STATUS, defaultValue: "'yes'" }))).toEqual([]);
  });
});
