import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The commit that git has checked out in this folder. Null if there is no checkout, or none that can be read. Never rejects. */
export async function commitOf(root: string): Promise<string | null> {
  try {
    const git = await gitFolderOf(root);
    const head = await textOf(join(git, 'HEAD'));
    const [, ref] = /^ref: (\S+)$/.exec(head) ?? [];
    const commit = ref === undefined ? head : await commitOfRef(git, ref);
    return /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit) ? commit : null;
  } catch {
    // An installation without git's folder, such as the image.
    return null;
  }
}

/** A linked worktree has a file in the place of the folder, which names the folder. Source: gitrepository-layout(5). */
async function gitFolderOf(root: string): Promise<string> {
  const place = join(root, '.git');
  try {
    const [, named = ''] = /^gitdir: (.+)$/.exec(await textOf(place)) ?? [];
    return resolve(root, named);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return place;
    throw error;
  }
}

async function commitOfRef(git: string, ref: string): Promise<string> {
  // The refs of a linked worktree are in the folder that all worktrees share.
  const common = await textOf(join(git, 'commondir')).then(
    (path) => resolve(git, path),
    () => git,
  );
  return textOf(join(common, ref)).catch(async () => {
    const lines = (await textOf(join(common, 'packed-refs'))).split('\n');
    return lines.find((line) => line.endsWith(` ${ref}`))?.split(' ', 1)[0] ?? '';
  });
}

async function textOf(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim();
}
