import { quoted } from '../text.ts';
import type { Finding } from './table.ts';

/** The store's own record about its view. */
export interface ViewRecord {
  /**
   * `adopting`: rows are being copied from `originalName`. `copied`: all rows are copied, and the new table still has to
   * be renamed. `finished`: the view is ours.
   */
  readonly state: 'adopting' | 'copied' | 'finished';
  readonly originalName: string | null;
}

/** A table in the catalog. `mismatch`: how its layout differs from that of our view; null if it does not. */
export interface Standing {
  readonly isMarkedOurs: boolean;
  readonly mismatch: string | null;
}

export interface FoundStore {
  readonly table: string;
  readonly record: ViewRecord | null;
  /** The table with the view's name; null if there is none. */
  readonly present: Standing | null;
  /** The table with the name under which a taken-over table is kept; null if there is none. */
  readonly hasOriginal: boolean;
  readonly isJournaled: boolean;
}

/**
 * What a start has to do about the view:
 *
 * - `keep`: nothing.
 * - `make`: there is no table, so make one.
 * - `remake`: our own view is gone, so make it again. Its rows come from the journal.
 * - `replace`: our own view was altered, so put it aside and make it anew.
 * - `examine`: there is another program's table, so take it over if nothing stands in the way.
 * - `begin_again`: a take-over was interrupted while rows were copied.
 * - `finish`: a take-over was interrupted when only names were missing.
 */
export type Situation =
  | { readonly kind: 'keep' | 'make' | 'remake' | 'examine' | 'begin_again' | 'finish' }
  | { readonly kind: 'replace'; readonly mismatch: string }
  | { readonly kind: 'refuse'; readonly finding: Finding };

/** Decides by the store's record which table is ours. The layout of a table only shows whether it is whole. */
export function situationOf({ table, record, present, hasOriginal, isJournaled }: FoundStore): Situation {
  const name = quoted(table);
  if (record === null) {
    if (present === null) return { kind: isJournaled ? 'remake' : 'make' };
    if (present.isMarkedOurs && !isJournaled) return refuse(ownWithoutJournal(name));
    if (isJournaled) return refuse(strangerInPlace(name, 'This store has a journal already, and'));
    return { kind: 'examine' };
  }
  if (record.state === 'finished') {
    if (present === null) return { kind: 'remake' };
    if (present.mismatch === null) return { kind: 'keep' };
    if (present.isMarkedOurs) return { kind: 'replace', mismatch: present.mismatch };
    return refuse(strangerInPlace(name, `Tributary's own view ${name} is gone, and`, present.mismatch));
  }
  const kept = quoted(record.originalName ?? `${table}_original`);
  // A take-over renames the table first, so its own name is free until all rows are copied.
  if (present !== null && hasOriginal) {
    if (record.state === 'copied' && present.mismatch === null && present.isMarkedOurs)
      return { kind: 'finish' };
    return refuse({
      code: 'name_taken_meanwhile',
      problem: `the table that was to be taken over is called ${kept} now, and while its rows were being copied another program made a table ${name}`,
      remedy: `Stop that program, and drop or rename its table ${name}: the taking over begins again by itself.`,
    });
  }
  if (record.state === 'copied') return { kind: 'finish' };
  if (present !== null) return { kind: 'examine' };
  if (hasOriginal) return { kind: 'begin_again' };
  return refuse({
    code: 'original_gone',
    problem: `the rows of ${name} were being taken over when the program ended, and the table ${kept} that holds them is gone`,
    remedy: `Put the table ${kept} back from a backup.`,
  });
}

function refuse(finding: Finding): Situation {
  return { kind: 'refuse', finding };
}

function ownWithoutJournal(name: string): Finding {
  return {
    code: 'own_view_without_journal',
    problem: `the table ${name} is a view that Tributary made, and the tables beside it, the journal among them, are gone (a schema command of another program drops tables that it does not know), or belong to another pipeline with another ORDER_SYNC_TABLE_PREFIX`,
    remedy:
      'If another pipeline has this table, give the table of this one another name (ORDER_SYNC_TABLE). Otherwise put the whole database back from a backup, and keep that program away from it. Without a backup, rename this table: ' +
      'a new view is made from the records that Kafka still has, and the target ignores what it has got already.',
  };
}

function strangerInPlace(name: string, before: string, mismatch: string | null = null): Finding {
  const how = mismatch === null ? '' : ` (${mismatch})`;
  return {
    code: 'foreign_table_in_place',
    problem: `${before} another program's table stands in its place${how}`,
    remedy: `Rename or drop that table ${name}: the view is made anew from the journal, which has all of its rows.`,
  };
}
