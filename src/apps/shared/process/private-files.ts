import { accessSync, constants, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { messageOf, TributaryError } from '../../../core/errors.ts';

/*
 * The files of the programs hold orders, and keys to them. So they are for their owner alone. The umask makes every new file
 * private, also the files that SQLite makes by itself. The programs do not change files that are there already, because a
 * person may share them on purpose; they warn instead.
 */

/** The permission bits of everybody but the owner. */
const OTHERS = 0o077;
/** The endings of a database file and of the files that SQLite puts beside it. */
const COMPANIONS = ['', '-wal', '-shm', '-journal'];

/** Has this process make its files for their owner alone. */
export function keepFilesPrivate(): void {
  // A worker thread has no umask of its own to set.
  if (isMainThread) process.umask(OTHERS);
}

/** The folder of a program's files, and the settings that name it. */
export interface FilePlace {
  readonly folder: string;
  /** How messages name the settings, as in `TRIBUTARY_DATA_DIR`. */
  readonly setting: string;
}

/**
 * Makes the folder if it is missing, and makes sure that files can be made in it. Throws `data_directory_unusable`, with the
 * path and the remedy.
 */
export function prepareFolder({ folder, setting }: FilePlace): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!statSync(folder).isDirectory())
      throw Object.assign(new Error('it is no folder'), { code: 'ENOTDIR' });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(`The data directory ${folder}`, error, setting);
  }
}

/** Does the same for the folder of a database file, and makes sure that the file and its companions can be written. */
export function prepareDatabaseFile(file: string, setting: string): void {
  prepareFolder({ folder: dirname(file), setting });
  for (const companion of COMPANIONS) {
    const path = `${file}${companion}`;
    try {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined) continue;
      if (!found.isFile()) throw Object.assign(new Error('it is no file'), { code: 'EISDIR' });
      accessSync(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      throw unusable(`The file ${path}`, error, setting);
    }
  }
}

function unusable(what: string, error: unknown, setting: string): TributaryError {
  const code = String((error as { code?: unknown }).code ?? '');
  const remedy = REMEDIES[code] ?? 'See that this user can write there';
  return new TributaryError(
    'data_directory_unusable',
    `${what} cannot be used (${messageOf(error)}). ${remedy}, or name another place by ${setting}.`,
    { cause: error },
  );
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'Let this user read and write there (chown or chmod)',
  EPERM: 'Let this user read and write there (chown or chmod)',
  EROFS: 'It lies on a file system that is read-only: mount it for writing',
  ENOSPC: 'The disk is full: make room on it',
  EDQUOT: "This user's quota is used up: make room",
  ENOTDIR: 'A file stands where a folder has to be: move it away',
  EEXIST: 'A file stands where a folder has to be: move it away',
  EISDIR: 'A folder stands where a file has to be: move it away',
  ENOENT: 'A folder above it is missing and cannot be made, or a link there leads nowhere: make it',
  ELOOP: 'A link leads back to itself: correct it',
  ENAMETOOLONG: 'The path is too long: choose a shorter one',
};

/** The names of the files that the programs make in the data directory. */
const OWN_FILE = /^(event-log\.(sqlite(-\w+)?|wake)|order-(sync|mgt)\.sqlite(-\w+)?|start\.pid)$/;

/**
 * A warning at start that other users can read the files or change the folder, or null. `file` is the database if it lies
 * outside of the folder.
 */
export function sharingWarning(folder: string, file?: string): string | null {
  if (process.platform === 'win32') return null;
  const inFolder = namesIn(folder)
    .filter((name) => OWN_FILE.test(name))
    .map((name) => join(folder, name));
  const others = file === undefined ? [] : COMPANIONS.map((companion) => `${file}${companion}`);
  const wide = [...new Set([...inFolder, ...others])].filter((path) => (modeOf(path) & OTHERS) !== 0);
  const isWide = (modeOf(folder) & OTHERS) !== 0;
  if (wide.length === 0 && !isWide) return null;
  const parts = [...(isWide ? [folder] : []), ...wide];
  return (
    `Other users may use ${parts.slice(0, 3).join(', ')}${parts.length > 3 ? ` and ${parts.length - 3} more` : ''}, which hold orders and keys to them. ` +
    `If you do not want that: chmod -R go= ${isWide || inFolder.some((path) => wide.includes(path)) ? folder : wide[0]}`
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function modeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 0 : found.mode;
}

/** Docker and Kubernetes put secrets there, readable by all users of a container. A container has one user. */
const SECRET_MOUNTS = /^(\/var)?\/run\/secrets\//;

/** A warning that every user of the machine can read this file with a secret, or null. */
export function secretFileWarning(setting: string, path: string): string | null {
  if (process.platform === 'win32' || SECRET_MOUNTS.test(path)) return null;
  try {
    if ((statSync(path).mode & 0o004) === 0) return null;
  } catch {
    // The code that reads the file reports that it cannot be read.
    return null;
  }
  return `Every user of this machine can read ${path}, which ${setting} names: chmod o= ${path}`;
}
