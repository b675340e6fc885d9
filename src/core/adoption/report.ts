import { TributaryError } from '../errors.ts';
import { quoted } from '../text.ts';
import type { Delivery } from './rows.ts';
import type { Finding } from './table.ts';

/**
 * What the database has under the view's name, and what a start does about it. `absent`: nothing, so it makes a view.
 * `ours`: our own view. `take`: another program's table, which it takes over. `refuse`: another program's table, which
 * cannot be taken over because of the findings.
 */
export interface AdoptionReport {
  readonly table: string;
  readonly verdict: 'absent' | 'ours' | 'take' | 'refuse';
  readonly findings: readonly Finding[];
  /** Sentences about the table that do not keep it from being taken over. */
  readonly notes: readonly string[];
  readonly rows: number;
  /** The numbers of understood rows that were sent, that are due, and that were never ready. */
  readonly deliveries: Readonly<Record<Delivery, number>>;
}

export const NO_ROWS = { rows: 0, deliveries: { sent: 0, due: 0, none: 0 } } as const;

/** Makes the error that refuses a start, with all findings and their remedies. */
export function notAdoptable({
  table,
  findings,
}: Pick<AdoptionReport, 'table' | 'findings'>): TributaryError {
  const [only, ...others] = findings;
  const list =
    only !== undefined && others.length === 0
      ? `${only.problem}. ${only.remedy}`
      : findings.map(({ problem, remedy }, index) => `(${index + 1}) ${problem}. ${remedy}`).join(' ');
  // This one was made by Tributary, for another pipeline or before the other tables were lost.
  const maker = only?.code === 'own_view_without_journal' ? '' : 'was made by another program and ';
  return new TributaryError(
    'view_not_adoptable',
    `The table ${quoted(table)} ${maker}can't be taken over; nothing was changed. ` +
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

/** Makes the error about tables of another program that have names of ours. */
export function namesTaken(names: readonly string[]): TributaryError {
  const list = names.map((name) => quoted(name)).join(', ');
  return new TributaryError(
    'table_names_taken',
    `The database has tables of another program whose names Tributary needs: ${list}. Nothing was changed. ` +
      'Give Tributary a database of its own (another DATABASE_URL), or its tables another ORDER_SYNC_TABLE_PREFIX.',
  );
}

/** Makes the error about dropped tables of ours. A restore of a backup may be bringing them back. */
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

/** The names for an altered view of ours that is put aside. The first free one is used. */
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
