import { TributaryError } from '../errors.ts';
import { quoted } from '../text.ts';
import type { Delivery } from './rows.ts';
import type { Finding } from './table.ts';

/**
 * What there is under the view's name, and what a start would do about it. `absent`: nothing, a view is made. `ours`: our
 * own view. `take`: another program's table, which is fine. `refuse`: it is not; every finding stands in the way.
 */
export interface AdoptionReport {
  readonly table: string;
  readonly verdict: 'absent' | 'ours' | 'take' | 'refuse';
  readonly findings: readonly Finding[];
  /** What stops nothing. */
  readonly notes: readonly string[];
  readonly rows: number;
  /** Of the rows that are understood: what the target has, what it is owed, and neither. */
  readonly deliveries: Readonly<Record<Delivery, number>>;
}

export const NO_ROWS = { rows: 0, deliveries: { sent: 0, due: 0, none: 0 } } as const;

/** The refusal of a start: all findings, each with its remedy. */
export function notAdoptable({
  table,
  findings,
}: Pick<AdoptionReport, 'table' | 'findings'>): TributaryError {
  const [only, ...others] = findings;
  const list =
    only !== undefined && others.length === 0
      ? `${only.problem}. ${only.remedy}`
      : findings.map(({ problem, remedy }, index) => `(${index + 1}) ${problem}. ${remedy}`).join(' ');
  return new TributaryError(
    'view_not_adoptable',
    `The table ${quoted(table)} was made by another program and can't be taken over; nothing was changed. ` +
      `${list} "order-sync adopt --dry-run" prints this as a list.`,
  );
}

export function reportText({ table, verdict, findings, notes, rows, deliveries }: AdoptionReport): string {
  const name = quoted(table);
  const more = notes.map((note) => `Note: ${note}.`);
  if (verdict === 'absent') return [`There is no table ${name}: a start makes it.`, ...more].join('\n');
  if (verdict === 'ours')
    return [`The table ${name} is the view of this store: there is nothing to take over.`, ...more].join(
      '\n',
    );
  if (verdict === 'take') {
    const { sent, due, none } = deliveries;
    return [
      `The table ${name} can be taken over, with its ${rows} rows: ${sent} count as sent, ${due} are owed to the target, ${none} are not ready.`,
      ...more,
    ].join('\n');
  }
  return [
    `The table ${name} can't be taken over:`,
    ...findings.map(({ code, problem, remedy }) => `- ${code}: ${problem}.\n  ${remedy}`),
    ...more,
  ].join('\n');
}

/** Tables of another program that have the names of ours. */
export function namesTaken(names: readonly string[]): TributaryError {
  const list = names.map((name) => quoted(name)).join(', ');
  return new TributaryError(
    'table_names_taken',
    `The database has tables of another program whose names Tributary needs: ${list}. Nothing was changed. ` +
      'Give Tributary a database of its own: another DATABASE_URL.',
  );
}

/** Somebody has dropped tables of ours. They may be on their way back, out of a backup. */
export function tablesDropped(version: number, missing: readonly string[]): TributaryError {
  const list = missing.map((name) => quoted(name)).join(', ');
  return new TributaryError(
    'table_missing',
    `The store has schema version ${version}, and of its tables these are gone: ${list}. A backup that is being put back ` +
      'brings them again. If not, somebody dropped them (a schema command of another program drops tables that it does not ' +
      'know): stop that program, and put the whole database back from a backup. Without a backup, give Tributary an empty ' +
      'database: it is filled from the records that Kafka still has, and the target ignores what it has got already.',
  );
}

/** What an altered view of ours may be called, in the sequence in which the names are tried. */
export function alteredNames(table: string): string[] {
  return ['', '_2', '_3', '_4', '_5'].map((end) => `${table}_altered${end}`);
}

export function alteredNote(table: string, mismatch: string, altered: string): string {
  return `The view ${quoted(table)} was altered (${mismatch}). It is called ${quoted(altered)} now, for whoever needs what was in it, and the view is made anew from the journal.`;
}

export function tooManyAltered(table: string, mismatch: string): TributaryError {
  return new TributaryError(
    'view_not_adoptable',
    `Tributary's own view ${quoted(table)} was altered (${mismatch}), and all names to put it aside are taken: drop the tables ${alteredNames(table).join(', ')}. The view is made anew from the journal.`,
  );
}
