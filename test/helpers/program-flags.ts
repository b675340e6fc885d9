import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '..', '..');
/** The flags of a checkout that is older than the file. */
const OLDER = ['--disable-warning=ExperimentalWarning'];

/** The flags of Node with which a program of a checkout runs, when it is started as a user does. */
export function programFlags(checkout = repository): readonly string[] {
  const file = join(checkout, 'bin', 'node-flags.json');
  if (!existsSync(file)) return OLDER;
  const flags: { everywhere: string[]; programs: string[] } = JSON.parse(readFileSync(file, 'utf8'));
  return [...flags.everywhere, ...flags.programs];
}
