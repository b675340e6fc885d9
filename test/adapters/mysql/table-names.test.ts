import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tableNames } from '../../../src/adapters/mysql/table-names.ts';

const FOLDER = new URL('../../../src/adapters/mysql/migrations/', import.meta.url);
const SQL = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.sql'))
  .map((name) => readFileSync(new URL(name, FOLDER), 'utf8').replace(/^--.*$/gm, ''))
  .join('\n');
/** Indexes of MySQL belong to their tables. */
const MADE = /\bCREATE (?:TABLE|OR REPLACE VIEW)(?: IF NOT EXISTS)? (\w+)/g;
const names = tableNames('x_');

it('the prefix is in front of everything that the migrations make and a database has once by name', () => {
  const made = [...SQL.matchAll(MADE)].map(([, name]) => name as string);
  expect(made.length).toBeGreaterThan(20);
  for (const name of made) expect(names.in(name), name).toBe(`x_${name}`);
  expect(names.in('schema_migrations')).toBe('x_schema_migrations');
});

it('no column has the name of a table, so every such word in a statement is a table', () => {
  const columns = [...SQL.matchAll(/^\s+(\w+)\s+[A-Z]+|\bADD COLUMN (\w+)|\bAS (\w+)/gm)].map(
    ([, first, second, third]) => first ?? second ?? third ?? '',
  );
  expect(columns).toContain('entity_id');
  for (const column of columns) expect(names.in(column), column).toBe(column);
});
