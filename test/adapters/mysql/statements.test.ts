import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const FOLDERS = ['adapters/mysql', 'apps/order-mgt/states/mysql'].map(
  (folder) => new URL(`../../../src/${folder}/`, import.meta.url),
);

/** The adapters' sources, by their names. */
const sources = FOLDERS.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ name, text: readFileSync(new URL(name, folder), 'utf8') })),
);

/** Forms that MySQL and MariaDB take and that proxies refuse, and the files that may have them. */
const REFUSED = [
  { what: 'an index named PRIMARY without quotes', form: /INDEX \(PRIMARY\)/, allowed: [] },
  {
    what: 'a new value for the column by which rows are distributed',
    form: /UPDATE (entity_id|\$\{key\}) =/,
    allowed: [],
  },
  // Only the adoption of another program's table reads more than names of tables.
  { what: 'the information schema', form: /information_schema\./, allowed: ['catalog.ts'] },
] as const;

describe('the statements of the MySQL adapters', () => {
  it.each(REFUSED)('never use $what', ({ form, allowed }) => {
    const found = sources.filter(({ text }) => form.test(text)).map(({ name }) => name);
    expect(found).toEqual(allowed);
  });
});
