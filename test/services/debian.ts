// Unpacks packages of Debian and of distributions based on it, such as Ubuntu, in the cache. It does not install them,
// so it needs no root.

import { chmod, lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { makeOnce } from './cache.ts';
import { type CommandResult, findProgram, run } from './commands.ts';
import type { ServicesEnvironment } from './environment.ts';
import { messageOf, ServiceUnavailableError } from './errors.ts';
import type { Progress } from './start.ts';

export interface DebianSoftware {
  /** The name for messages and for the folder. */
  readonly name: string;
  /** Sets of package names, one per release of the distribution. The first set that apt-get knows is used. */
  readonly packages: readonly (readonly string[])[];
  /** The advice for people on whose machine the packages cannot be downloaded. */
  readonly remedy: string;
}

const downloadTimeoutMs = 600_000;
/** Folders that are being made. Two services of one process may need the same folder at the same time. */
const underWay = new Map<string, Promise<void>>();

/**
 * Returns the folder with the unpacked packages, and with the packages that they depend on and that this machine lacks.
 * apt-get downloads them from the machine's own sources and checks them against the signed lists.
 */
export async function unpackedDebianPackages(
  software: DebianSoftware,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<string> {
  const { name, remedy } = software;
  const nothing = `there is no ${name} on this machine`;
  for (const tool of ['apt-get', 'dpkg-deb']) {
    if (findProgram(tool, environment.path) !== undefined) continue;
    throw new ServiceUnavailableError(`${nothing}, and without ${tool} no package of it can be had`, remedy);
  }
  const folder = join(environment.cacheFolder, 'debian', `${name.toLowerCase()}-${await release()}`);
  const making =
    underWay.get(folder) ??
    makeOnce(folder, async (temporaryFolder) => {
      progress(`Downloading the distribution's ${name}, once, into ${environment.cacheFolder}`);
      await mkdir(temporaryFolder);
      await download(software.packages, temporaryFolder);
      await unpackAll(temporaryFolder);
    });
  underWay.set(folder, making);
  try {
    await making;
  } catch (error) {
    throw new ServiceUnavailableError(
      `${nothing}, and the distribution's package could not be had: ${messageOf(error)}`,
      remedy,
    );
  } finally {
    underWay.delete(folder);
  }
  return folder;
}

/** Names the release and the architecture, so that a cache from before an upgrade of the system is not used. */
async function release(): Promise<string> {
  const file = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (key: string): string => new RegExp(`^${key}="?([\\w.-]+)`, 'm').exec(file)?.[1] ?? 'unknown';
  return `${value('ID')}-${value('VERSION_ID')}-${process.arch}`;
}

/** Downloads the packages and their dependencies, with the package lists of the machine, else with fresh lists. */
async function download(choices: DebianSoftware['packages'], folder: string): Promise<void> {
  let options: string[] = [];
  const plan = await firstPlan(choices, options).catch(async () => {
    // The machine's lists are missing or too old, so fresh lists are downloaded into this folder.
    const own = join(folder, 'apt');
    await mkdir(join(own, 'lists', 'partial'), { recursive: true });
    await mkdir(join(own, 'cache', 'archives', 'partial'), { recursive: true });
    options = ownLists(own);
    await run('apt-get', [...options, 'update'], { timeoutMs: downloadTimeoutMs });
    return firstPlan(choices, options);
  });
  const names = packagesOf(plan.stdout);
  try {
    await run('apt-get', [...options, 'download', ...names], { cwd: folder, timeoutMs: downloadTimeoutMs });
  } finally {
    await rm(join(folder, 'apt'), { recursive: true, force: true });
  }
}

function ownLists(folder: string): string[] {
  return [
    // The user _apt, which apt-get uses for downloads, cannot write below this user's home.
    ...['-o', 'APT::Sandbox::User=root'],
    ...['-o', `Dir::State::lists=${join(folder, 'lists')}`],
    ...['-o', `Dir::Cache=${join(folder, 'cache')}`],
  ];
}

/**
 * Simulates the installation of the first set of packages that apt-get knows. `--reinstall` includes packages that are
 * installed, because the caller wants private copies.
 */
async function firstPlan(
  choices: DebianSoftware['packages'],
  options: readonly string[],
): Promise<CommandResult> {
  const refusals: string[] = [];
  for (const packages of choices) {
    const simulate = ['--simulate', '--reinstall', '--no-install-recommends', 'install', ...packages];
    try {
      return await run('apt-get', [...options, ...simulate]);
    } catch (error) {
      refusals.push(messageOf(error));
    }
  }
  throw new Error(refusals.join('; '));
}

/**
 * Lists the packages that a simulated installation would unpack, without the C library: programs start with the loader
 * of the machine, which fits only the machine's own C library.
 */
export function packagesOf(plan: string): string[] {
  const names = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] as string);
  return [...new Set(names)].filter((name) => !/^libc6\b|^libc-bin\b|^base-files\b/.test(name));
}

/** Unpacks all packages in the folder into the folder itself, and deletes the package files. */
export async function unpackAll(folder: string): Promise<void> {
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.deb')) continue;
    await run('dpkg-deb', ['--extract', join(folder, file), folder]);
    await rm(join(folder, file));
  }
  await keepLinksInside(folder, folder);
}

/** Makes absolute links of packages, such as Java's to /etc, lead to the same file inside the folder. */
async function keepLinksInside(root: string, folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await keepLinksInside(root, path);
    if (!entry.isSymbolicLink()) continue;
    const target = await readlink(path);
    if (!target.startsWith('/') || (await lstat(join(root, target)).catch(() => undefined)) === undefined) {
      continue;
    }
    await rm(path);
    await symlink(relative(dirname(path), join(root, target)), path);
  }
}

/** Libraries that their own libraries find by an absolute path. In an unpacked folder they are at another path. */
const hiddenFolders = ['pulseaudio'];

/** Lists the folders with shared libraries in an unpacked folder, in the form of LD_LIBRARY_PATH. */
export async function libraryPath(folder: string): Promise<string> {
  const folders: string[] = [];
  for (const parent of ['usr/lib', 'lib']) {
    const names = await readdir(join(folder, parent)).catch(() => []);
    for (const name of names) {
      if (!/-linux-gnu\w*$/.test(name)) continue;
      const libraries = join(folder, parent, name);
      folders.push(libraries);
      const inside = new Set(await readdir(libraries));
      folders.push(...hiddenFolders.filter((each) => inside.has(each)).map((each) => join(libraries, each)));
    }
  }
  return folders.join(':');
}

/**
 * Makes a script in the folder that starts a program with the shared libraries of the folder and with these
 * variables, and returns its path. The program is a path inside the folder, or an absolute path.
 */
export async function launcherOf(
  folder: string,
  program: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const launcher = join(folder, `launch-${basename(program)}`);
  await makeOnce(launcher, async (temporaryPath) => {
    const all = { ...variables, LD_LIBRARY_PATH: await libraryPath(folder) };
    const settings = Object.entries(all).map(([name, value]) => `${name}=${quoted(value)}`);
    const lines = ['#!/bin/sh', `${settings.join(' ')} exec ${quoted(resolve(folder, program))} "$@"`];
    await writeFile(temporaryPath, `${lines.join('\n')}\n`);
    await chmod(temporaryPath, 0o755);
  });
  return launcher;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
