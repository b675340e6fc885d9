/** Reads patches as `git diff` writes them, and applies them to the texts of files. */

/** The changes of one file. */
export interface FilePatch {
  /** The path from the root of the repository. */
  readonly path: string;
  readonly hunks: readonly Hunk[];
}

/** Lines of a file that are replaced by others. */
export interface Hunk {
  /** The number of the first line in the file of the patch, from 1. */
  readonly line: number;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** A patch cannot be read, or does not fit the file any more. */
export class PatchError extends Error {}

/** A hunk that is being read, with the numbers of its lines that are still to come. */
interface OpenHunk {
  readonly hunk: { readonly line: number; readonly before: string[]; readonly after: string[] };
  beforeLeft: number;
  afterLeft: number;
}

/** Reads every file of a patch. Lines outside of hunks that name no file are comments. */
export function parsePatch(text: string): FilePatch[] {
  const files: { path: string; hunks: Hunk[] }[] = [];
  let open: OpenHunk | null = null;
  for (const line of text.split('\n')) {
    if (open !== null) {
      addLine(open, line);
      if (open.beforeLeft + open.afterLeft === 0) open = null;
    } else if (line.startsWith('+++ ')) files.push({ path: pathOf(line), hunks: [] });
    else if (line.startsWith('@@ ')) {
      open = openHunk(line);
      const file = files.at(-1);
      if (file === undefined) throw new PatchError('It has a hunk before the name of a file.');
      file.hunks.push(open.hunk);
    }
  }
  if (open !== null) throw new PatchError('It ends in the middle of a hunk.');
  if (files.every(({ hunks }) => hunks.length === 0)) throw new PatchError('It changes nothing.');
  return files;
}

function pathOf(line: string): string {
  const path = /^\+\+\+ b\/(.+?)\t?$/.exec(line)?.[1];
  if (path === undefined) throw new PatchError(`It names no file of the repository: ${line}`);
  return path;
}

function openHunk(header: string): OpenHunk {
  const found = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(header);
  if (found === null) throw new PatchError(`It has a hunk without line numbers: ${header}`);
  const [, line, before = '1', after = '1'] = found;
  return {
    hunk: { line: Number(line), before: [], after: [] },
    beforeLeft: Number(before),
    afterLeft: Number(after),
  };
}

function addLine(open: OpenHunk, line: string): void {
  const content = line.slice(1);
  // An editor may have taken the blank of an empty line away.
  const kind = line === '' ? ' ' : line[0];
  if (kind === ' ' || kind === '-') {
    open.hunk.before.push(content);
    open.beforeLeft--;
  }
  if (kind === ' ' || kind === '+') {
    open.hunk.after.push(content);
    open.afterLeft--;
  }
}

/**
 * Applies the hunks to the text of the file. A hunk may have moved: it is applied at the nearest place that has exactly its
 * old lines. Throws PatchError if there is none.
 */
export function applyHunks({ path, hunks }: FilePatch, text: string): string {
  let lines = text.split('\n');
  let moved = 0;
  for (const { line, before, after } of hunks) {
    const place = nearestPlace(lines, before, line - 1 + moved);
    if (place === null) throw new PatchError(`${path} has no such lines any more near line ${line}.`);
    lines = [...lines.slice(0, place), ...after, ...lines.slice(place + before.length)];
    moved = place - (line - 1) + after.length - before.length;
  }
  return lines.join('\n');
}

function nearestPlace(lines: readonly string[], wanted: readonly string[], expected: number): number | null {
  let nearest: number | null = null;
  for (let place = 0; place + wanted.length <= lines.length; place++) {
    if (!wanted.every((line, index) => lines[place + index] === line)) continue;
    if (nearest === null || Math.abs(place - expected) < Math.abs(nearest - expected)) nearest = place;
  }
  return nearest;
}
