import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { casesFor } from './cases.ts';
import { sqlitePlace } from './place.ts';
import { tryTable } from './trial.ts';

describe('order-sync adopt on SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-adoption-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(casesFor('sqlite'))(
    'takes over the table completely, or refuses it unchanged: $name',
    async (table) => {
      const { faults, taken, refused } = await tryTable(table, sqlitePlace(folder, 'table'), folder);
      expect(faults).toEqual([]);
      expect(taken + refused).toBeGreaterThan(0);
    },
  );
});
