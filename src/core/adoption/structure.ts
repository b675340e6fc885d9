import type { ViewColumn } from '../domain.ts';
import { quoted } from '../text.ts';
import {
  type AdoptionChoices,
  type Attachment,
  columnNamed,
  type Finding,
  type FoundColumn,
  type FoundTable,
  isSameName,
  type ValueFamily,
  type ViewShape,
} from './table.ts';

export const OWN_DATABASE =
  'give Tributary another table (ORDER_SYNC_TABLE) or a database of its own (another DATABASE_URL)';

/**
 * Finds what stands in the way of taking the table over, by its catalog alone. If `isReadable` is false, columns are missing
 * that would have to be read, so the rows are not examined.
 */
export function examineStructure(
  view: ViewShape,
  table: FoundTable,
  choices: AdoptionChoices,
): { readonly findings: readonly Finding[]; readonly isReadable: boolean } {
  const name = quoted(table.name);
  if (table.kind !== 'table') {
    const problem = `${name} is ${table.kind}, not a table`;
    const remedy = `Rename it, or ${OWN_DATABASE}.`;
    return { findings: [{ code: 'not_a_table', problem, remedy }], isReadable: false };
  }
  const findings: Finding[] = [...table.findings];
  const wanted = [view.keyColumn, ...view.columns.map((column) => column.name)];
  const missing = wanted.filter((column) => columnNamed(table, column) === undefined);
  if (missing.length > 0) findings.push(missingColumns(table, wanted, missing));
  if (missing.length < wanted.length) findings.push(...otherColumns(view, table, wanted, choices));
  findings.push(...keyFindings(columnNamed(table, view.keyColumn)));
  for (const column of view.columns)
    findings.push(...columnFindings(column, columnNamed(table, column.name)));
  // If the table only has the same name, it does not matter what is bound to it.
  if (missing.length === wanted.length) return { findings, isReadable: false };
  findings.push(...attachmentFindings(table.attachments));
  for (const taken of table.namesTaken) {
    findings.push({
      code: 'name_taken',
      problem: `there is a table ${quoted(taken)} already, whose name is needed to take this one over`,
      remedy: 'Rename or drop it, if nobody needs it.',
    });
  }
  const isReadable = missing.length === 0 && !findings.some(({ code }) => UNREADABLE.has(code));
  return { findings, isReadable };
}

/** With one of these findings, the values of a column cannot be understood, so the rows are not examined. */
const UNREADABLE = new Set(['key_type', 'column_type', 'engine']);

function missingColumns(table: FoundTable, wanted: readonly string[], missing: readonly string[]): Finding {
  const there = table.columns.map(({ name }) => quoted(name)).join(', ');
  const alike = missing.flatMap((name) => {
    const found = table.columns.find((column) => bare(column.name) === bare(name));
    return found === undefined ? [] : [`${quoted(found.name)} to ${name}`];
  });
  if (missing.length === wanted.length && alike.length === 0) {
    return {
      code: 'unrelated_table',
      problem: `it has none of the columns ${wanted.join(', ')}: it is a table of another program that has the same name (its columns: ${there})`,
      remedy: `Do not change it: ${OWN_DATABASE}.`,
    };
  }
  const remedy =
    alike.length > 0
      ? `If they mean the same, rename ${alike.join(', ')}, or give the names that they have by ORDER_SYNC_COLUMNS`
      : 'Add what is missing, or rename the columns that mean the same (ORDER_SYNC_COLUMNS can give the names that they have)';
  return {
    code: 'column_missing',
    problem: `it has no column ${missing.join(', ')} (its columns: ${there})`,
    remedy: `${remedy}; if the table is for something else, ${OWN_DATABASE}.`,
  };
}

/** Names that some programs write with underscores and others with capitals. */
function bare(name: string): string {
  return name.replaceAll(/[_\s]/g, '').toLowerCase();
}

function otherColumns(
  view: ViewShape,
  table: FoundTable,
  wanted: readonly string[],
  choices: AdoptionChoices,
): Finding[] {
  const others = table.columns.filter(({ name }) => !wanted.some((column) => isSameName(column, name)));
  if (others.length === 0 || choices.leavesOtherColumns) return [];
  const names = others.map(({ name, type }) => `${quoted(name)} (${type})`).join(', ');
  return [
    {
      code: 'other_columns',
      problem: `it has columns that Tributary does not keep: ${names}; statements of the program that made them would fail afterwards`,
      remedy: `Move them into a table of their own, or ${OWN_DATABASE}. If nobody needs them in ${quoted(table.name)} any more, "order-sync adopt --keep-original-columns" takes the table over and leaves them, with all rows, in ${quoted(`${view.table}_original`)}.`,
    },
  ];
}

const KEY_FAMILIES: readonly ValueFamily[] = ['text', 'integer', 'bytes', 'uuid', 'untyped'];

/** For each type of a column: the kinds of values that can be read as it, its name in a finding, and what to make of it. */
const READABLE: Readonly<
  Record<ViewColumn['type'], { readonly families: readonly ValueFamily[]; is: string; becomes: string }>
> = {
  text: { families: ['text', 'enum', 'bytes', 'untyped'], is: 'a text', becomes: 'VARCHAR' },
  boolean: {
    families: ['text', 'enum', 'integer', 'decimal', 'float', 'bits', 'untyped'],
    is: 'a flag',
    becomes: 'BOOLEAN',
  },
  integer: { families: ['integer', 'untyped'], is: 'a whole number', becomes: 'BIGINT' },
  // A FLOAT or DOUBLE has no exact digits.
  decimal: { families: ['decimal', 'integer', 'text', 'untyped'], is: 'a decimal', becomes: 'DECIMAL' },
  timestamp: { families: ['moment', 'text', 'untyped'], is: 'a moment', becomes: 'DATETIME(6)' },
  json: { families: ['json', 'text', 'untyped'], is: 'a JSON text', becomes: 'LONGTEXT' },
};

function keyFindings(column: FoundColumn | undefined): Finding[] {
  if (column === undefined) return [];
  const findings = generated(column);
  const isFilled = column.family === 'integer' && /zerofill/i.test(column.type);
  if (KEY_FAMILIES.includes(column.family) && !isFilled) return findings;
  const why =
    column.family === 'padded bytes'
      ? 'bytes of a fixed length (a UUID in binary form, or an id filled up with zeros)'
      : isFilled
        ? 'numbers that are filled up with zeros'
        : 'which is neither a text nor a whole number';
  return [
    ...findings,
    {
      code: 'key_type',
      problem: `its column ${quoted(column.name)} is ${column.type}: ${why}, so the text that events have as the id is not clear`,
      remedy: 'Change the column to VARCHAR(255), with each id as the events have it.',
    },
  ];
}

function columnFindings(column: ViewColumn, found: FoundColumn | undefined): Finding[] {
  if (found === undefined) return [];
  const findings = generated(found);
  const { families, is, becomes } = READABLE[column.type];
  if (!families.includes(found.family)) {
    findings.push({
      code: 'column_type',
      problem: `its column ${quoted(found.name)} is ${found.type}, where ${is} is expected`,
      remedy: `Change the column to ${becomes}, with values that say what is meant.`,
    });
  }
  if (column.type === 'boolean' && isTrue(found.defaultValue)) {
    findings.push({
      code: 'flag_default',
      problem: `its column ${quoted(found.name)} is TRUE by default, so that TRUE does not say that a row was sent`,
      remedy: 'Make FALSE the default, and set FALSE in each row that was not sent.',
    });
  }
  return findings;
}

function generated(column: FoundColumn): Finding[] {
  if (!column.isGenerated) return [];
  return [
    {
      code: 'generated_column',
      problem: `its column ${quoted(column.name)} is computed by the database, so nobody has set it`,
      remedy: 'Make it a column that is stored and set by the program.',
    },
  ];
}

/** Reads a default as MySQL, MariaDB and SQLite show it. */
function isTrue(shown: string | null): boolean {
  if (shown === null) return false;
  const bare = shown.trim().replace(/^\((.*)\)$/, '$1');
  return /^(_\w+)?(b?'(1|t|true|y|yes|on)'|"(1|t|true|y|yes|on)"|1(\.0*)?|t|true|y|yes|on)$/i.test(
    bare.trim(),
  );
}

const ATTACHMENTS: Readonly<Record<Attachment['kind'], readonly [problem: string, remedy: string]>> = {
  trigger: [
    'a trigger of it would go with the renamed table and fire no more',
    'Drop the trigger, and let its program follow the order events instead.',
  ],
  'trigger of another table': [
    'a trigger of another table names it, and would write into a view that only Tributary may write, or fail',
    'Drop or change the trigger.',
  ],
  'foreign key of it': [
    'a foreign key of it would stay with the renamed table and bind nothing any more',
    'Drop the constraint.',
  ],
  'foreign key to it': [
    'a foreign key of another table leads to it, and would lead to the renamed table',
    'Drop the constraint: new orders would be unknown to it.',
  ],
  view: [
    'a view reads it, whose key and whose ready_to_send would mean something else afterwards',
    'Drop the view, and make it again afterwards from the new columns.',
  ],
  routine: ['a stored routine names it', 'Drop the routine, or change it so that it does not use the table.'],
  event: ['a scheduled event names it', 'Drop the event, or change it so that it does not use the table.'],
};

function attachmentFindings(attachments: readonly Attachment[]): Finding[] {
  return [...Map.groupBy(attachments, ({ kind }) => kind)].map(([kind, some]) => {
    const [problem, remedy] = ATTACHMENTS[kind];
    const names = some.map(({ name }) => quoted(name)).join(', ');
    return { code: kind.replaceAll(' ', '_'), problem: `${problem}: ${names}`, remedy };
  });
}

/** A column that marks rows as deleted, and which values mean that. */
export interface DeletionMark {
  readonly column: FoundColumn;
  readonly means: 'deleted' | 'alive';
}

/** The columns with which ORMs mark rows as deleted, by their names. */
export function deletionMarks(view: ViewShape, table: FoundTable): DeletionMark[] {
  const wanted = [view.keyColumn, ...view.columns.map((column) => column.name)];
  return table.columns
    .filter(({ name }) => !wanted.some((column) => isSameName(column, name)))
    .flatMap((column): DeletionMark[] => {
      const mark = bare(column.name);
      if (
        /^(is|date)?(soft)?(deleted?|deletion|removed|trashed|archived)(at|on|date|time|timestamp|flag)?$/.test(
          mark,
        )
      )
        return [{ column, means: 'deleted' }];
      return /^(is)?(active|alive)$/.test(mark) ? [{ column, means: 'alive' }] : [];
    });
}
