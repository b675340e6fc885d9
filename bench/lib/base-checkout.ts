import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandOption, RunningCheck } from '../../test/checks/lib/command.ts';
import { ROOT } from './bench.ts';

export const baseOption: CommandOption = {
  name: 'base',
  value: 'commit|none',
  fallback: 'none',
  help: 'Also runs order-sync of this commit, by turns',
};

/** The sources of the commit of `--base`, on the packages of today; null without the option. The folder is deleted at the end. */
export function baseCheckout(
  check: RunningCheck,
): { readonly folder: string; readonly commit: string } | null {
  const wanted = check.text('base');
  if (wanted === 'none') return null;
  const git = (...words: string[]) => execFileSync('git', words, { cwd: ROOT, maxBuffer: 2 ** 30 });
  const commit = git('rev-parse', '--short=12', `${wanted}^{commit}`).toString().trim();
  const folder = join(check.temporaryFolder(), 'base');
  mkdirSync(folder);
  execFileSync('tar', ['-x', '-C', folder], { input: git('archive', commit) });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return { folder, commit };
}
