import { describe, expect, it } from 'vitest';
import { Migrations } from '../../../src/adapters/sqlite/migrations.ts';
import { migrationsFolder } from '../migrations-folder.ts';

describe('the migrations of a database in a file', () => {
  it('gives those that a version still needs, and refuses the schema of a later program', () => {
    const migrations = new Migrations(migrationsFolder());
    const versions = (from: number) => migrations.after(from, 'The file').map(({ version }) => version);
    expect([versions(0), versions(2), versions(3)]).toEqual([[1, 2, 3], [3], []]);
    expect(() => versions(4)).toThrow('The file has schema version 4, this program knows 3');
  });
});
