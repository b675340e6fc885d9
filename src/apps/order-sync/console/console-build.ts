import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { messageOf } from '../../../core/errors.ts';

/** The places that the console is built from and found in. */
export interface ConsolePlace {
  /** The folder of the sources. It has a `vite.config.ts`. */
  readonly sources: string;
  /** The lock file, which decides what the sources are built with. */
  readonly lockFile: string;
  /** The script of Vite. An installation without development dependencies lacks it. */
  readonly vite: string;
  /** Holds one folder of built files for each version of the sources. */
  readonly cache: string;
  /** Built files without sources, as the image has them. */
  readonly finished: string;
}

/** The folder with the console's built files, or why there is none. */
export type BuiltConsole =
  | { readonly kind: 'built'; readonly folder: string }
  | { readonly kind: 'missing'; readonly reason: string };

/** The places of a checkout or an image whose root is this folder. */
export function consolePlaceIn(root: string): ConsolePlace {
  return {
    sources: join(root, 'console'),
    lockFile: join(root, 'package-lock.json'),
    vite: join(root, 'node_modules', 'vite', 'bin', 'vite.js'),
    cache: join(root, 'node_modules', '.cache', 'tributary-console'),
    finished: join(root, 'console-dist'),
  };
}

/** The places of this program. */
export const CONSOLE_PLACE = consolePlaceIn(join(import.meta.dirname, '..', '..', '..', '..'));

const DAY_MS = 86_400_000;
/** A build takes some seconds. After this time it is given up. */
const BUILD_DEADLINE_MS = 180_000;
/** The end of what Vite wrote, for the message about a failed build. */
const SHOWN_CHARACTERS_MAX = 2_000;

/**
 * Finds the built console, and builds it if the sources have changed since the last build. Several processes may do this at
 * once: all of them then use the folder of the one that finished first. Removes the folders of other sources that nobody has
 * used for a day. Never rejects.
 */
export async function buildConsole(
  place: ConsolePlace,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal } = {},
): Promise<BuiltConsole> {
  try {
    if (!existsSync(place.sources)) {
      return hasIndex(place.finished)
        ? { kind: 'built', folder: place.finished }
        : { kind: 'missing', reason: 'neither its sources nor its built files are installed' };
    }
    const folder = join(place.cache, await hashOf(place));
    if (!hasIndex(folder)) {
      if (!existsSync(place.vite))
        return { kind: 'missing', reason: 'the tool that builds it (Vite) is not installed' };
      await buildInto(folder, place, signal);
    }
    await markUsed(folder, place.cache);
    return { kind: 'built', folder };
  } catch (error) {
    return { kind: 'missing', reason: `its build failed: ${messageOf(error)}` };
  }
}

function hasIndex(folder: string): boolean {
  return existsSync(join(folder, 'index.html'));
}

/** The SHA-256 of the lock file and of all source files with their names. */
async function hashOf({ sources, lockFile }: ConsolePlace): Promise<string> {
  const hash = createHash('sha256');
  const add = async (name: string, path: string) => {
    const content = await readFile(path);
    hash.update(`${name}\0${content.length}\0`).update(content);
  };
  if (existsSync(lockFile)) await add('package-lock.json', lockFile);
  const entries = await readdir(sources, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) await add(relative(sources, file).split(sep).join('/'), file);
  return hash.digest('hex');
}

async function buildInto(folder: string, place: ConsolePlace, signal: AbortSignal): Promise<void> {
  await mkdir(place.cache, { recursive: true });
  const temporary = join(place.cache, `building-${randomUUID()}`);
  try {
    await runVite(place, temporary, signal);
    if (!hasIndex(temporary)) throw new Error('Vite wrote no index.html');
    await letEverybodyRead(temporary);
    await rename(temporary, folder).catch((error: unknown) => {
      // A folder that has files is never replaced. So another process was quicker, and its files are the same.
      if (!hasIndex(folder)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Lets other users read the folder, because they may run order-sync from the same checkout. The program keeps its other files
 * private, and these hold no secret.
 */
async function letEverybodyRead(folder: string): Promise<void> {
  await Promise.all([dirname(folder), folder].map((each) => chmod(each, 0o755)));
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}

/** Runs Vite's build in a child process on this Node. Rejects with the end of what Vite wrote. */
function runVite({ vite, sources }: ConsolePlace, into: string, signal: AbortSignal): Promise<void> {
  const words = ['build', sources, '--outDir', into, '--emptyOutDir', '--logLevel', 'warn'];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(process.execPath, [vite, ...words], {
    cwd: dirname(sources),
    // The files must be the same, whatever the environment says: a NODE_ENV of its own would build another React.
    env: { NODE_ENV: 'production', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(BUILD_DEADLINE_MS)]),
  });
  let written = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      written = (written + chunk.toString()).slice(-SHOWN_CHARACTERS_MAX);
    });
  child.on('error', reject);
  child.on('close', (code) => {
    if (code === 0) resolve();
    else reject(new Error(written.trim() || `Vite ended with the exit code ${code}`));
  });
  return promise;
}

/** Notes that the folder is in use, and removes its siblings that nobody has used for a day. */
async function markUsed(folder: string, cache: string): Promise<void> {
  const nowMs = Date.now();
  try {
    await utimes(folder, nowMs / 1_000, nowMs / 1_000);
    for (const name of await readdir(cache)) {
      const sibling = join(cache, name);
      if (sibling !== folder && nowMs - (await stat(sibling)).mtimeMs > DAY_MS)
        await rm(sibling, { recursive: true, force: true });
    }
  } catch {
    // The folder belongs to another user, or another process removes the same one. Both do no harm.
  }
}
