import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPinned } from '../../test/checks/lib/pinned-packages.ts';
import { ROOT } from './bench.ts';

/** Installs the packages that bench/peers/<name> pins, and returns their folder. */
export async function installPeer(name: string): Promise<string> {
  const folder = join(ROOT, 'node_modules', '.cache', 'bench', name);
  await installPinned(join(ROOT, 'bench', 'peers', name), folder);
  return folder;
}

/** The version of a package in that folder. */
export function versionOf(packages: string, name: string): string {
  return JSON.parse(readFileSync(join(packages, 'node_modules', name, 'package.json'), 'utf8')).version;
}
