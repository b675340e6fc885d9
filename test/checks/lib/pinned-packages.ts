import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../services/commands.ts';

const MANIFESTS = ['package.json', 'package-lock.json'];
const DONE = 'installed';

/**
 * Installs the packages that `package.json` and `package-lock.json` of a folder pin, beside the project's own, unless they are
 * there already. No install script runs.
 */
export async function installPinned(manifests: string, into: string): Promise<void> {
  const isKept = (name: string) => {
    const kept = join(into, name);
    return existsSync(kept) && readFileSync(kept, 'utf8') === readFileSync(join(manifests, name), 'utf8');
  };
  if (MANIFESTS.every(isKept) && existsSync(join(into, DONE))) return;
  mkdirSync(into, { recursive: true });
  rmSync(join(into, DONE), { force: true });
  for (const name of MANIFESTS) copyFileSync(join(manifests, name), join(into, name));
  const flags = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund'];
  await run('npm', ['ci', ...flags], { cwd: into });
  writeFileSync(join(into, DONE), '');
}
