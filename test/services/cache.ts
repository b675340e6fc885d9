// Keeps files and folders that are made once and then only read, by several processes at the same time. There are no
// locks: each process makes a temporary copy and renames it. If two processes do this at the same time, both do the
// work, and one of the two equal results stays.

import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/**
 * Makes sure that `path` exists. `make` fills a temporary path beside it, which is then renamed, so no process sees a
 * half-made file or folder. If `make` throws, the temporary path is deleted.
 */
export async function makeOnce(path: string, make: (temporaryPath: string) => Promise<void>): Promise<void> {
  if (await exists(path)) return;
  await mkdir(dirname(path), { recursive: true });
  const temporaryPath = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.part`;
  try {
    await make(temporaryPath);
    await rename(temporaryPath, path);
  } catch (error) {
    await rm(temporaryPath, { recursive: true, force: true });
    // The rename fails if the folder exists and is not empty: another process was first, with the same content.
    const code = (error as NodeJS.ErrnoException).code;
    if ((code === 'ENOTEMPTY' || code === 'EEXIST') && (await exists(path))) return;
    throw error;
  }
}
