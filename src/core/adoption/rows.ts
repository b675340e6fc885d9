import type { ViewColumn, ViewRow, ViewValue } from '../domain.ts';
import { messageOf } from '../errors.ts';
import { quoted } from '../text.ts';
import { decimalText, jsonTextOf, timestampText } from '../view-values.ts';
import { type DeletionMark, deletionMarks } from './structure.ts';
import type { AdoptionChoices, Finding, FoundTable, ViewShape } from './table.ts';
import { FlagReader, isSet, MAX_ID_BYTES, type RawValue, readId, shownValue } from './values.ts';

/** A finding names at most this many rows, and at most this many different values. */
const ROWS_NAMED = 5;
const VALUES_NAMED = 10;

/** A row as an adapter reads it. */
export interface RawRow {
  readonly id: RawValue;
  /** The values, in the sequence of the view's columns. */
  readonly values: readonly RawValue[];
  /** The values of `RowReader.marks`, in their sequence. */
  readonly marks: readonly RawValue[];
}

export type Delivery = 'sent' | 'due' | 'none';

/** Adopts a row. Throws an Error that says what it does not understand. */
export type AdoptRow<Adopted> = (entityId: string, row: ViewRow) => Adopted;

/**
 * Reads the rows of a table that is to be taken over: once to examine them, and once to take them. Collects what is wrong
 * with them. The second reading uses what the first one has learnt about the columns.
 */
export class RowReader<Adopted extends { readonly delivery: Delivery }> {
  readonly #view: ViewShape;
  readonly #adopt: AdoptRow<Adopted>;
  readonly #choices: AdoptionChoices;
  readonly #flags: readonly FlagReader[];
  /** The columns that mark rows as deleted. The adapter reads them too. */
  readonly marks: readonly DeletionMark[];
  #odd = new Map<string, OddRows>();
  #unclear = new Map<string, Map<string, number>>();
  #deliveries = { sent: 0, due: 0, none: 0 };

  constructor(view: ViewShape, table: FoundTable, adopt: AdoptRow<Adopted>, choices: AdoptionChoices) {
    this.#view = view;
    this.#adopt = adopt;
    this.#choices = choices;
    this.#flags = view.columns.map(() => new FlagReader());
    this.marks = deletionMarks(view, table);
  }

  /** Returns the adopted row. Null if something is wrong with it: `findings` has everything that is wrong. */
  read(raw: RawRow): (Adopted & { readonly entityId: string }) | null {
    const found = readId(raw.id);
    if ('fault' in found) this.#note(`id ${found.fault}`, found.shown);
    const entityId = 'id' in found ? found.id : 'a row without an id';
    const shown = 'id' in found ? quoted(entityId, 40) : `a row whose id is ${found.shown}`;
    let isFine = 'id' in found;
    if (!this.#choices.takesDeletedRows && this.#isMarkedDeleted(raw)) {
      this.#note('deleted', shown);
      isFine = false;
    }
    const row: ViewValue[] = [];
    for (let index = 0; index < this.#view.columns.length; index++) {
      const value = this.#value(this.#view.columns[index] as ViewColumn, index, raw.values[index] ?? null);
      if (value === undefined) isFine = false;
      row.push(value ?? null);
    }
    try {
      const adopted = this.#adopt(entityId, row);
      if (!isFine) return null;
      this.#deliveries[adopted.delivery]++;
      return { ...adopted, entityId };
    } catch (error) {
      for (const problem of this.#problemsOf(entityId, row, messageOf(error)))
        this.#note('not understood', `${shown} (${problem})`);
      return null;
    }
  }

  /** Tries each column alone, because a domain may stop at the first one that it does not understand. */
  #problemsOf(entityId: string, row: ViewRow, first: string): Set<string> {
    const problems = new Set<string>();
    row.forEach((value, index) => {
      try {
        this.#adopt(
          entityId,
          row.map((_, other) => (other === index ? value : null)),
        );
      } catch (error) {
        problems.add(messageOf(error));
      }
    });
    return problems.size === 0 ? new Set([first]) : problems;
  }

  /** The number of understood rows, by the delivery that they need. */
  get deliveries(): Readonly<Record<Delivery, number>> {
    return { ...this.#deliveries };
  }

  findings(): Finding[] {
    const odd = [...this.#odd].map(([kind, rows]) => oddRowsFinding(this.#view, kind, rows));
    const unclear = [...this.#unclear].map(([column, values]) => unclearFlag(column, values));
    return [...odd, ...unclear];
  }

  /** Forgets the findings and counts of the first reading, and keeps what it learnt about the columns. */
  restart(): void {
    this.#odd = new Map();
    this.#unclear = new Map();
    this.#deliveries = { sent: 0, due: 0, none: 0 };
  }

  #isMarkedDeleted({ marks }: RawRow): boolean {
    return this.marks.some(({ means }, index) => {
      const value = marks[index] ?? null;
      return means === 'deleted' ? isSet(value) : value !== null && !isSet(value);
    });
  }

  #value(column: ViewColumn, index: number, value: RawValue): ViewValue | undefined {
    // A flag that is NULL was never set.
    if (value === null) return column.type === 'boolean' ? false : null;
    if (column.type === 'boolean') {
      const flag = (this.#flags[index] as FlagReader).read(value);
      if (flag !== null) return flag;
      const values = this.#unclear.get(column.name) ?? new Map<string, number>();
      this.#unclear.set(column.name, values);
      const shown = shownValue(value);
      if (values.has(shown) || values.size < VALUES_NAMED) values.set(shown, (values.get(shown) ?? 0) + 1);
      return undefined;
    }
    const read = readValue(column, value);
    if (read !== undefined) return read;
    this.#note(`value of ${column.name}`, shownValue(value));
    return undefined;
  }

  #note(kind: string, shown: string): void {
    let rows = this.#odd.get(kind);
    if (rows === undefined) {
      rows = { count: 0, shown: [] };
      this.#odd.set(kind, rows);
    }
    rows.count++;
    if (rows.shown.length < ROWS_NAMED && !rows.shown.includes(shown)) rows.shown.push(shown);
  }
}

interface OddRows {
  count: number;
  readonly shown: string[];
}

/** Reads a value of a column that is no flag. Undefined if the column cannot hold it. */
function readValue(column: ViewColumn, value: Exclude<RawValue, null>): ViewValue | undefined {
  const text = typeof value === 'string' || value instanceof Uint8Array ? readText(value) : null;
  try {
    switch (column.type) {
      case 'text':
        return text ?? undefined;
      case 'decimal':
        if (typeof value === 'bigint') return decimalText(value, column);
        return text === null ? undefined : decimalText(text.trim(), column);
      case 'timestamp':
        return text === null ? undefined : timestampText(utcMoment(text));
      case 'json':
        return text === null ? undefined : jsonTextOf(text);
      default:
        return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
    }
  } catch {
    return undefined;
  }
}

/** A moment as databases print it, such as `2026-11-30 07:46:58.5`, in the words of RFC 3339. */
function utcMoment(text: string): string {
  return /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/.test(text) ? `${text.replace(' ', 'T')}Z` : text;
}

function readText(value: string | Uint8Array): string | null {
  if (typeof value === 'string') return value.isWellFormed() ? value : null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return null;
  }
}

function oddRowsFinding({ keyColumn }: ViewShape, kind: string, { count, shown }: OddRows): Finding {
  const rows = count === 1 ? '1 row' : `${count} rows`;
  const has = count === 1 ? 'has' : 'have';
  const list = `${shown.join(', ')}${count > shown.length ? ', ...' : ''}`;
  const stop = 'with the program that made it stopped';
  switch (kind) {
    case 'id null':
      return odd(
        'id_null',
        `${rows} ${has} no ${keyColumn} (NULL)`,
        `Delete such rows, or give them ids, ${stop}.`,
      );
    case 'id empty':
      return odd(
        'id_empty',
        `${rows} ${has} an empty ${keyColumn}`,
        `Delete such rows, or give them ids, ${stop}.`,
      );
    case 'id too long':
      return odd(
        'id_too_long',
        `${rows} ${has} an id of more than ${MAX_ID_BYTES} bytes: ${list}`,
        `Delete such rows, or give them shorter ids, ${stop}.`,
      );
    case 'id not UTF-8':
      return odd(
        'id_encoding',
        `${rows} ${has} an id that is not UTF-8: ${list}`,
        `Correct or delete such rows, ${stop}.`,
      );
    case 'id no text':
      return odd(
        'id_type',
        `${rows} ${has} an id that is neither a text nor a whole number: ${list}`,
        `Correct or delete such rows, ${stop}.`,
      );
    case 'deleted':
      return odd(
        'deleted_rows',
        `${rows} ${has} a mark that says the order was deleted: ${list}`,
        `Delete such rows, ${stop}; or, if they are to be taken over as any other, add --with-deleted-rows.`,
      );
    case 'not understood':
      return odd(
        'row_not_understood',
        `${rows} cannot be understood: ${list}`,
        `Correct or delete such rows, ${stop}.`,
      );
    default:
      return odd(
        'value_type',
        `${rows} ${has} a value of another type (${kind}): ${list}`,
        `Correct such rows, ${stop}.`,
      );
  }
}

function odd(code: string, problem: string, remedy: string): Finding {
  return { code, problem, remedy };
}

function unclearFlag(column: string, values: ReadonlyMap<string, number>): Finding {
  const list = [...values].map(([shown, count]) => `${shown} (${count} rows)`).join(', ');
  return {
    code: 'flag_unclear',
    problem: `its column ${column} is to say whether a row was sent, and holds what is no clear yes or no, or not in the words of its other rows: ${list}`,
    remedy: 'Change the column to BOOLEAN: TRUE (1) where the row was sent, FALSE (0) where it was not.',
  };
}

/** Several rows with the same id, as the database has counted them. */
export function doubledIds(keyColumn: string, ids: readonly string[], isMore: boolean): Finding {
  const list = ids.map((id) => quoted(id, 40)).join(', ');
  return {
    code: 'id_doubled',
    problem: `several rows have the same ${keyColumn}: ${list}${isMore ? ', ...' : ''}`,
    remedy:
      'Delete all but one of each, with the program that made it stopped; a primary key would keep it so.',
  };
}
