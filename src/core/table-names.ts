import { TributaryError } from './errors.ts';

/** The names that one pipeline gives its tables, so that several pipelines live in one database. */
export interface StoreNaming {
  /** Stands in front of the name of every table but the view's. Default: nothing. */
  readonly tablePrefix?: string | undefined;
  /** The name of the view's table. Default: that of the domain. */
  readonly viewTable?: string | undefined;
  /** Names of the view's columns in its table, by the names that the domain has for them. The others keep those. */
  readonly viewColumns?: ReadonlyMap<string, string> | undefined;
}

/** Lower case, because some servers ignore the case of a table's name, and some keep no other. */
const PREFIX = /^[a-z][a-z0-9_]{0,19}$/;
/** Says which prefixes there are, as the end of a sentence. */
export const PREFIX_FORM =
  'a lower-case letter, and up to 19 lower-case letters, digits or underscores behind it';

export function isTablePrefix(text: string): boolean {
  return text === '' || PREFIX.test(text);
}

/**
 * The parts of a text of SQL: strings, quoted names, comments, and words. No string in our statements has a backslash, in
 * which MySQL and SQLite differ.
 */
const PARTS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z_][\w$]*/g;

/** Limits the texts in memory. A store has some hundred. */
const TEXTS_MAX = 4_000;

/**
 * Names the tables of one pipeline. Statements are written with the plain names, such as `checkpoints`. The connection passes
 * every text through `in`, which puts the prefix in front of them. Nothing else knows the prefix, but for code that passes a
 * name as a value or in quotes, and takes it from `of`.
 */
export class TableNames {
  readonly prefix: string;
  readonly #own: ReadonlySet<string>;
  readonly #texts = new Map<string, string>();

  /** `own`: the plain names of all tables, and of everything else that a database has once by name. */
  constructor(own: Iterable<string>, prefix = '') {
    if (!isTablePrefix(prefix))
      throw new TributaryError(
        'setting_invalid',
        `The prefix ${JSON.stringify(prefix)} of tables is not ${PREFIX_FORM}.`,
      );
    this.prefix = prefix;
    this.#own = new Set(own);
    const twice = [...this.#own].find((name) => this.#own.has(prefix + name));
    if (prefix !== '' && twice !== undefined)
      throw new TributaryError(
        'setting_invalid',
        `With the prefix ${JSON.stringify(prefix)} the table ${twice} would have the name of another one: choose another prefix.`,
      );
  }

  /** The name of one of our tables in this database. */
  of(name: string): string {
    return this.prefix + name;
  }

  /** Whether this is a name of ours, in any case. */
  isOwn(name: string): boolean {
    const lower = name.toLowerCase();
    return lower.startsWith(this.prefix) && this.#own.has(lower.slice(this.prefix.length));
  }

  /** The text with the names of this database. */
  in(sql: string): string {
    if (this.prefix === '') return sql;
    const known = this.#texts.get(sql);
    if (known !== undefined) return known;
    const named = sql.replaceAll(PARTS, (part) => (this.#own.has(part) ? this.of(part) : part));
    if (this.#texts.size >= TEXTS_MAX) this.#texts.clear();
    this.#texts.set(sql, named);
    return named;
  }
}

/** The tables of a program that has no pipeline, and whose statements name them as they are. */
export const PLAIN_NAMES = new TableNames([]);
