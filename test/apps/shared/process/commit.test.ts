import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { commitOf } from '../../../../src/apps/shared/process/commit.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-commit-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

describe('the commit of a checkout', () => {
  it.each([
    ['HEAD alone', { '.git/HEAD': `${COMMIT}\n` }],
    ['a branch', { '.git/HEAD': 'ref: refs/heads/main\n', '.git/refs/heads/main': `${COMMIT}\n` }],
    [
      'a packed branch',
      {
        '.git/HEAD': 'ref: refs/heads/main\n',
        '.git/packed-refs': `# pack-refs\n${COMMIT} refs/heads/main\n`,
      },
    ],
    [
      'a linked worktree',
      {
        '.git': 'gitdir: main/worktrees/here\n',
        'main/worktrees/here/HEAD': 'ref: refs/heads/here\n',
        'main/worktrees/here/commondir': '../..\n',
        'main/refs/heads/here': `${COMMIT}\n`,
      },
    ],
  ])('comes from %s', async (_from, files) => {
    expect(await commitOf(await folderWith(files))).toBe(COMMIT);
  });

  it.each([
    ['no checkout', {}],
    ['a branch without a commit', { '.git/HEAD': 'ref: refs/heads/main\n' }],
    ['bytes that are no commit', { '.git/HEAD': 'what is this\n' }],
  ])('stays unknown with %s', async (_with, files) => {
    expect(await commitOf(await folderWith(files))).toBeNull();
  });
});
