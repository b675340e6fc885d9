import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of a repository: content by path from its root, with `/` between folders. */
export type Tree = ReadonlyMap<string, string>;

/** A broken rule: one line that names the file and says what to do. */
export type Violation = string;

/** Files and folders that installing, testing and running create. They are in no commit. */
const LEFT_OUT = new Set([
  'node_modules',
  '.git',
  'coverage',
  'console-dist',
  'dist',
  '.tributary',
  '.tributary-installing',
  '.env',
]);

/** Reads all files below `root`. */
export function readTree(root: string): Tree {
  const tree = new Map<string, string>();
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (LEFT_OUT.has(entry.name)) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) tree.set(path, readFileSync(join(root, path), 'utf8'));
    }
  };
  visit('');
  return tree;
}

export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return new Map(Object.entries(files));
}

export function linesOf(text: string): number {
  return text === '' ? 0 : text.replace(/\n$/, '').split('\n').length;
}

/** Resolves `target` from the folder of `path`. Both are paths from the root; null if the target is outside of it. */
export function resolvePath(path: string, target: string): string | null {
  const parts = path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '.' || part === '') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

/** Removes the comments of a program, so that no word in them counts as a call or an import. */
export function withoutComments(source: string): string {
  return source
    .replace(/^\s*\/\*[\s\S]*?\*\//gm, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/\s\/\/ .*$/gm, '');
}
