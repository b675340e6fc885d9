// Starts a TypeScript entry point on the Node that package.json pins, whatever Node the machine has.
//
//   node bin/launch.mjs src/apps/start/main.ts [arguments...]
//
// This file is plain JavaScript and uses built-in modules only: it runs on the machine's own Node (18 or newer),
// before any package is installed. It installs the dependencies when package-lock.json has changed since the last
// install, so that `npm start` and `npm test` work in a fresh clone.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild } from './child.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.tributary-installed');
const lockFolder = join(root, '.tributary-installing');
const installTimeoutMs = 10 * 60_000;

const lockText = readFileSync(join(root, 'package-lock.json'));
const wanted = createHash('sha256').update(lockText).digest('hex');
const isInstalled = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted;

if (!isInstalled()) installOnce();

const executable = process.platform === 'win32' ? 'node.exe' : 'node';
const node = join(modules, 'node', 'bin', executable);
if (!existsSync(node)) {
  fail(`Node is missing at ${node}: the npm package "node" could not unpack it. Run: npm rebuild node`);
}

const [script, ...rest] = process.argv.slice(2);
if (script === undefined) fail('Name the script to start: node bin/launch.mjs src/apps/start/main.ts');
// Node keeps the stripped and compiled modules there, so that every start after the first takes half of the time.
const compiled = process.env.NODE_COMPILE_CACHE ?? join(modules, '.cache', 'node-compile');
const env = {
  ...process.env,
  NODE_COMPILE_CACHE: compiled,
  PATH: `${dirname(node)}:${process.env.PATH ?? ''}`,
};
runChild(node, [join(root, script), ...rest], env, script.startsWith('src/apps/'));

/** Runs `npm ci`. A lock keeps two programs that start in a fresh clone from installing at the same time. */
function installOnce() {
  const deadline = Date.now() + installTimeoutMs;
  while (!takeLock()) {
    if (Date.now() > deadline) {
      fail(`Another install has held ${lockFolder} for ten minutes. If none is running, delete that folder.`);
    }
    spawnSync(process.execPath, ['-e', 'setTimeout(() => {}, 500)']);
    if (isInstalled()) return;
  }
  try {
    if (isInstalled()) return;
    if (isInstalledByHand()) return writeFileSync(stampFile, wanted);
    process.stderr.write('Installing dependencies (npm ci), once for this checkout ...\n');
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const done = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    if (done.status !== 0) fail('npm ci failed: see above. Fix the cause and start again.');
    writeFileSync(stampFile, wanted);
  } finally {
    rmSync(lockFolder, { recursive: true, force: true });
  }
}

/**
 * Tells whether `npm ci` was run by hand, and installed exactly the packages of package-lock.json. A second install
 * would delete node_modules while programs run from it.
 */
function isInstalledByHand() {
  try {
    const packagesOf = (text) => JSON.parse(text).packages;
    const found = packagesOf(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
    return Object.entries(packagesOf(lockText)).every(
      ([path, { version, integrity, optional }]) =>
        path === '' ||
        (found[path] === undefined && optional === true) ||
        (found[path]?.version === version && found[path].integrity === integrity),
    );
  } catch {
    return false;
  }
}

function takeLock() {
  try {
    mkdirSync(lockFolder);
    writeFileSync(join(lockFolder, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (holderIsGone()) rmSync(lockFolder, { recursive: true, force: true });
    return false;
  }
}

/** Tells whether the process that holds the lock has ended. */
function holderIsGone() {
  try {
    process.kill(Number(readFileSync(join(lockFolder, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    // The holder writes the file just after it made the folder. After 5 s without the file, the holder has died.
    if (error.code === 'ENOENT')
      return Date.now() - (statSync(lockFolder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > 5_000;
    return error.code === 'ESRCH';
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
