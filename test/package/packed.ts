import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const node = dirname(join(root, 'node_modules', 'node', 'bin', 'node'));

/** The environment of somebody who has Node 24 and none of our settings. */
export function readersEnvironment(): NodeJS.ProcessEnv {
  const own =
    /^(ORDER_SYNC_|ORDER_MGT_|EVENT_PRODUCER_|TRIBUTARY_|KAFKA_|DATABASE_|TEST_|VITEST|NODE_OPTIONS$|NODE_TEST_|NODE_ENV$|PORT$|LOG_LEVEL$|npm_)/;
  const inherited = Object.entries(process.env).filter(([name]) => !own.test(name));
  return { ...Object.fromEntries(inherited), PATH: `${node}:${process.env.PATH ?? ''}`, NO_COLOR: '1' };
}

/** Packs the checkout into a new folder, as `npm pack` does. Returns the folder, which the caller deletes. */
export function pack(): { readonly folder: string; readonly files: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-package-'));
  const printed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: root,
    env: readersEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 16 * 1024 * 1024,
  });
  const [packed] = JSON.parse(printed.slice(printed.indexOf('['))) as [{ files: { path: string }[] }];
  return { folder, files: packed.files.map(({ path }) => path) };
}
