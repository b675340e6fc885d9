import type { Connection } from './database.ts';
import { identifier } from './identifier.ts';

/**
 * Renames a table and leaves the rest of the schema alone. SQLite would otherwise check every view, and reject the
 * renaming because of one that names a missing table.
 */
export function rename(writer: Connection, from: string, to: string): void {
  writer.execute('PRAGMA legacy_alter_table = ON');
  try {
    writer.execute(`ALTER TABLE ${identifier(from)} RENAME TO ${identifier(to)}`);
  } finally {
    writer.execute('PRAGMA legacy_alter_table = OFF');
  }
}
