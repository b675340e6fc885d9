// Packages of Debian and its kin, Ubuntu for one, unpacked in the cache and not installed: no root is needed.

import { chmod, lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { makeOnce } from './cache.ts';
import { type CommandResult, findProgram, run } from './commands.ts';
import type { ServicesEnvironment } from './environment.ts';
import { messageOf, ServiceUnavailableError } from './errors.ts';
import type { Progress } from './start.ts';

export interface DebianSoftware {
  /** For people, and in the name of the folder. */
  readonly name: string;
  /** Packages that have it, under the names of different releases: the first set that apt-get knows is taken. */
  readonly packages: readonly (readonly string[])[];
  /** What a person may do instead. */
  readonly remedy: string;
}

const downloadTimeoutMs = 600_000;
/** Two services of one process may want the same software at once. */
const underWay = new Map<string, Promise<void>>();

/**
 * The folder with the unpacked packages and all that they need and this machine lacks. apt-get downloads them from the
 * machine's own sources and checks them against the signed lists.
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

/** Libraries of one release do not fit programs of another, and a cache may outlive an upgrade. */
async function release(): Promise<string> {
  const file = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (key: string): string => new RegExp(`^${key}="?([\\w.-]+)`, 'm').exec(file)?.[1] ?? 'unknown';
  return `${value('ID')}-${value('VERSION_ID')}-${process.arch}`;
}

/** Downloads the packages and what they need, with the machine's lists or else with lists of our own. */
async function download(choices: DebianSoftware['packages'], folder: string): Promise<void> {
  let options: string[] = [];
  const plan = await firstPlan(choices, options).catch(async () => {
    // The machine's lists are missing or too old: fresh ones, in this folder only.
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
    // apt-get's own user cannot write below this one's home, and this folder needs no protection.
    ...['-o', 'APT::Sandbox::User=root'],
    ...['-o', `Dir::State::lists=${join(folder, 'lists')}`],
    ...['-o', `Dir::Cache=${join(folder, 'cache')}`],
  ];
}

/** Also of packages that are installed already: whoever asks does not want to use those. */
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
 * What a simulated installation would unpack. The C library is left out: programs start with the machine's loader, which
 * only fits the machine's own.
 */
export function packagesOf(plan: string): string[] {
  const names = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] as string);
  return [...new Set(names)].filter((name) => !/^libc6\b|^libc-bin\b|^base-files\b/.test(name));
}

/** Unpacks all packages of the folder in the folder itself, and deletes them. */
export async function unpackAll(folder: string): Promise<void> {
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.deb')) continue;
    await run('dpkg-deb', ['--extract', join(folder, file), folder]);
    await rm(join(folder, file));
  }
  await keepLinksInside(folder, folder);
}

/** A package's links may be absolute, such as Java's to /etc: they lead to the same place in the folder. */
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

/** Where the shared libraries of an unpacked folder are, in the form of LD_LIBRARY_PATH. */
export async function libraryPath(folder: string): Promise<string> {
  const folders: string[] = [];
  for (const parent of ['usr/lib', 'lib']) {
    const names = await readdir(join(folder, parent)).catch(() => []);
    for (const name of names) if (/-linux-gnu\w*$/.test(name)) folders.push(join(folder, parent, name));
  }
  return folders.join(':');
}

/**
 * A program of an unpacked folder, or one elsewhere that needs its libraries, as something that can be run as it is: a
 * script in the folder that sets where the shared libraries are.
 */
export async function launcherOf(folder: string, program: string): Promise<string> {
  const launcher = join(folder, `launch-${basename(program)}`);
  await makeOnce(launcher, async (temporaryPath) => {
    const lines = [
      '#!/bin/sh',
      `LD_LIBRARY_PATH=${quoted(await libraryPath(folder))} exec ${quoted(resolve(folder, program))} "$@"`,
    ];
    await writeFile(temporaryPath, `${lines.join('\n')}\n`);
    await chmod(temporaryPath, 0o755);
  });
  return launcher;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
