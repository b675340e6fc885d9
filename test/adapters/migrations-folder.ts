import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';

const FILES = {
  '0001-first.sql': '-- The first tables.\nCREATE TABLE jobs (id INT);\nCREATE TABLE old (id INT);\n',
  '0002-second.sql': 'ALTER TABLE jobs ADD COLUMN state INT;\nALTER TABLE jobs ADD INDEX by_state (state);\n',
  '0003-third.sql':
    'DROP TABLE IF EXISTS old;\nALTER TABLE jobs DROP INDEX by_state;\nCREATE OR REPLACE VIEW latest AS SELECT 1;\n',
  'readme.txt': 'no migration',
};

/** A folder of migrations, which is gone after the test. */
export function migrationsFolder(files: Readonly<Record<string, string>> = FILES): URL {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-migrations-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  return pathToFileURL(`${folder}/`);
}
