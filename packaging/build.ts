import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildConsole, CONSOLE_PLACE } from '../src/apps/order-sync/console/console-build.ts';

/*
 * Makes the files of the package: JavaScript and declarations in dist/, and the pages of the console in console-dist/. npm
 * runs it before it packs. Nothing in a checkout runs from these files.
 */

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [compiler, '-p', join(root, 'packaging')], {
  stdio: ['ignore', 2, 2],
});
if (compiled.status !== 0) fail('tsc found errors: see above.');

// The programs read these files beside themselves.
for (const path of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.sql')) cpSync(join(root, 'src', path), join(dist, path));
}

const pages = await buildConsole(CONSOLE_PLACE);
if (pages.kind === 'missing') fail(`The console could not be built: ${pages.reason}`);
else {
  rmSync(CONSOLE_PLACE.finished, { recursive: true, force: true });
  cpSync(pages.folder, CONSOLE_PLACE.finished, { recursive: true });
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
