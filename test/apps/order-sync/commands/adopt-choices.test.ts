import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ORIGINAL_TABLE } from '../../../checks/lib/adopted-rows.ts';
import { orderSyncIn } from './command-run.ts';

const ORDERS = "INSERT INTO orders VALUES ('a', 'CREATED', 'PAYMENT_AUTHORIZED', NULL, TRUE)";

/** A data directory whose database has a table of another program, changed by these statements. */
async function folderWith(...statements: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-adopt-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const database = new DatabaseSync(join(folder, 'order-sync.sqlite'));
  for (const statement of [ORIGINAL_TABLE, ORDERS, ...statements]) database.exec(statement);
  database.close();
  return folder;
}

async function adopt(folder: string, ...flags: readonly string[]) {
  const { code, out } = await orderSyncIn(folder, ['adopt', '--json', ...flags]);
  return { code, report: JSON.parse(out) as { takenOver: boolean; verdict: string; findings: object[] } };
}

describe('order-sync adopt', () => {
  it('changes nothing in a dry run, and takes the table over without it', async () => {
    const folder = await folderWith();
    for (let time = 0; time < 2; time++)
      expect(await adopt(folder, '--dry-run')).toMatchObject({
        code: 0,
        report: { verdict: 'take', takenOver: false },
      });
    expect(await adopt(folder)).toMatchObject({ code: 0, report: { verdict: 'take', takenOver: true } });
    expect(await adopt(folder)).toMatchObject({ code: 0, report: { verdict: 'ours', takenOver: false } });
  });

  it.each([[['--dry-run']], [[]]])('ends with 1 for a table that it refuses, with %j', async (flags) => {
    const folder = await folderWith('ALTER TABLE orders ADD COLUMN note TEXT');
    expect(await adopt(folder, ...flags)).toMatchObject({
      code: 1,
      report: { verdict: 'refuse', takenOver: false, findings: [{ code: 'other_columns' }] },
    });
  });

  it('leaves other columns behind, and takes deleted rows, only where each was chosen', async () => {
    const marked = 'ALTER TABLE orders ADD COLUMN deleted_at TEXT';
    const folder = await folderWith(marked, "UPDATE orders SET deleted_at = '2026-01-01'");
    const codesOf = async (...flags: string[]) =>
      (await adopt(folder, '--dry-run', ...flags)).report.findings.map(
        (each) => (each as { code: string }).code,
      );
    expect(await codesOf()).toEqual(['other_columns', 'deleted_rows']);
    expect(await codesOf('--keep-original-columns')).toEqual(['deleted_rows']);
    expect(await codesOf('--with-deleted-rows')).toEqual(['other_columns']);
    expect(await codesOf('--keep-original-columns', '--with-deleted-rows')).toEqual([]);
  });

  it('says in words what became of the table', async () => {
    const folder = await folderWith();
    expect((await orderSyncIn(folder, ['adopt'])).out).toContain(
      'The table was taken over. The original table is now called orders_original.',
    );
  });
});
