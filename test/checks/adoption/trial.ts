import { adopt } from './command.ts';
import { faultsOfRefusal, faultsOfTaking } from './outcome.ts';
import type { Place } from './place.ts';
import { fillTable, type TableCase } from './table-case.ts';

/** The result of one table. */
export interface Trial {
  taken: number;
  refused: number;
  silentlyChanged: number;
  readonly faults: string[];
}

/** Makes the table, runs `adopt` on it, first as a dry run, compares the result, and drops the database. */
export async function tryTable(table: TableCase, place: Place, folder: string): Promise<Trial> {
  const trial: Trial = { taken: 0, refused: 0, silentlyChanged: 0, faults: [] };
  try {
    await place.run(table.sql);
    for (const sql of [...fillTable(table), ...(table.afterwards ?? [])]) await place.run(sql);
    await judge(table, place, folder, trial);
  } catch (error) {
    trial.faults.push(error instanceof Error ? error.message : String(error));
  } finally {
    await place.drop();
  }
  return trial;
}

async function judge(table: TableCase, place: Place, folder: string, trial: Trial): Promise<void> {
  const { faults } = trial;
  const rows = await place.ask('SELECT * FROM orders');
  const before = await place.snapshot();
  const dryRun = await adopt(place, folder, ['--dry-run', ...(table.with ?? [])]);
  if ((await place.snapshot()) !== before) {
    trial.silentlyChanged++;
    faults.push('a dry run changed the database');
  }
  const answer = await adopt(place, folder, table.with ?? []);
  if (dryRun.verdict !== answer.verdict)
    faults.push(`got the verdict ${dryRun.verdict} in a dry run, and then ${answer.verdict}`);
  if (table.refused === undefined) {
    if (answer.verdict !== 'take') faults.push(`was not taken over: ${answer.said}`);
    else {
      trial.taken++;
      faults.push(...(await faultsOfTaking(table, place, rows)));
    }
    return;
  }
  if (answer.verdict === 'take') {
    trial.silentlyChanged++;
    faults.push('was taken over, but should have been refused');
    return;
  }
  trial.refused++;
  const refusal = faultsOfRefusal(table, answer, before, await place.snapshot());
  if (refusal.isChanged) {
    trial.silentlyChanged++;
    faults.push('was refused, but the database has changed');
  }
  faults.push(...refusal.faults.map((fault) => `${fault}: ${answer.said}`));
  if (table.takenWith === undefined) return;
  const second = await adopt(place, folder, table.takenWith);
  if (second.verdict !== 'take') {
    faults.push(`was not taken over with ${table.takenWith}: ${second.said}`);
    return;
  }
  trial.taken++;
  faults.push(...(await faultsOfTaking(table, place, rows)));
}
