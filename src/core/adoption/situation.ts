import { quoted } from '../text.ts';
import type { Finding } from './table.ts';

/** What the store has written down of its view. */
export interface ViewRecord {
  /**
   * `adopting`: rows are being taken over, out of `originalName`. `copied`: all of them are; only the new table's name
   * is missing. `finished`: the view is ours.
   */
  readonly state: 'adopting' | 'copied' | 'finished';
  readonly originalName: string | null;
}

/** What the catalog shows under one name. `mismatch`: in what it is not laid out as our view is; null if it is so. */
export interface Standing {
  readonly isMarkedOurs: boolean;
  readonly mismatch: string | null;
}

export interface FoundStore {
  readonly table: string;
  readonly record: ViewRecord | null;
  /** Under the view's name; null if there is nothing. */
  readonly present: Standing | null;
  /** Under the name that the taken-over table is kept by. */
  readonly hasOriginal: boolean;
  readonly isJournaled: boolean;
}

/**
 * What is to be done about the view before a program can work:
 * `keep`: nothing. `make`: there is no table, make one. `remake`: our own view is gone, make it, its rows come from the
 * journal. `replace`: our own view was altered, put it aside and make it anew. `examine`: another program's table stands
 * there, take it over if it is fine. `begin_again`: a taking over was cut off. `finish`: only names are missing.
 */
export type Situation =
  | { readonly kind: 'keep' | 'make' | 'remake' | 'examine' | 'begin_again' | 'finish' }
  | { readonly kind: 'replace'; readonly mismatch: string }
  | { readonly kind: 'refuse'; readonly finding: Finding };

/** By the record alone it is known what is ours; how a table looks only says whether it is still whole. */
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
  // A taken-over table is renamed first, so that under its own name there is nothing until all of its rows are copied.
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
    problem: `the table ${name} is a view that Tributary made, and the tables beside it, the journal among them, are gone (a schema command of another program drops tables that it does not know)`,
    remedy:
      'Put the whole database back from a backup, and keep that program away from it. Without a backup, rename this table: ' +
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
