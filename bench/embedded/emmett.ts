import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { isSameRow } from '../../test/checks/lib/comparison.ts';
import { Tables } from '../../test/checks/lib/tables.ts';
import type { Oracle } from '../../test/checks/oracle.ts';
import { run } from '../../test/services/commands.ts';
import { installPeer } from '../lib/npm-peer.ts';

export const EMMETT_WAYS = ['store', 'batched'] as const;
export type EmmettWay = (typeof EMMETT_WAYS)[number];

/** Installs Emmett, and builds SQLite's binding, which it needs, with the headers of the Node that runs. */
export async function installEmmett(check: RunningCheck): Promise<string> {
  const packages = await installPeer('emmett');
  const binding = join(packages, 'node_modules', 'sqlite3', 'build', 'Release', 'node_sqlite3.node');
  if (existsSync(binding)) return packages;
  check.progress('Building sqlite3 for Emmett once');
  const words = ['rebuild', 'sqlite3', '--build-from-source', `--nodedir=${folderOfHeaders()}`];
  await run('npm', words, { cwd: packages });
  return packages;
}

/** The folder with the headers of the Node that runs. The npm package `node` has them in the package for the platform. */
function folderOfHeaders(): string {
  const root = join(dirname(process.execPath), '..');
  const platform = join(root, 'node_modules', `node-${process.platform}-${process.arch}`);
  const found = [root, platform].find((folder) => existsSync(join(folder, 'include', 'node', 'node_api.h')));
  if (found === undefined) throw new Error(`There are no headers of Node beside ${process.execPath}`);
  return found;
}

/** Appends and projects these many events of the workload, in a new database. */
export async function runEmmett(
  check: RunningCheck,
  packages: string,
  way: EmmettWay,
  events: number,
  oracle: Oracle,
): Promise<Record<string, number>> {
  const file = join(check.temporaryFolder(), 'emmett.sqlite');
  const script = join(import.meta.dirname, 'emmett-process.ts');
  const words = ['--disable-warning=ExperimentalWarning', script, packages, file, String(events), way];
  const { stdout } = await run(process.execPath, words);
  const tables = new Tables(`sqlite:${file}`);
  let right = 0;
  for await (const row of tables.orders()) {
    const expected = oracle.expectedOrder(row.orderId);
    if (expected !== undefined && isSameRow(row, expected) && row.version === expected.version) right++;
  }
  await tables.close();
  return { ...JSON.parse(stdout), wrong: oracle.orderCount - right };
}
