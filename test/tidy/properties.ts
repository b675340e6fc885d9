import type { Tree, Violation } from './tree.ts';

/** fast-check draws no more elements than this, and the tenth part of the least, unless `size` says otherwise. */
const DRAWN_MAX = 10;
const LENGTHS = /\{[^{}]*\bmaxLength\b[^{}]*\}/g;

/** Checks that a property that names a great length draws such lengths: `maxLength` alone does not see to that. */
export function shortDraws(tree: Tree): Violation[] {
  return [...tree]
    .filter(([path]) => path.startsWith('test/') && path.endsWith('.ts') && !path.startsWith('test/tidy/'))
    .flatMap(([path, source]) =>
      [...source.matchAll(LENGTHS)]
        .map(([options]) => options)
        .filter(isCutShort)
        .map((options) => `${path} draws ${options} with ${DRAWN_MAX} elements at most: add size: 'max'`),
    );
}

function isCutShort(options: string): boolean {
  // An object with a type is a column of a view, and draws nothing.
  if (/\b(size|type):/.test(options)) return false;
  const value = (name: string) => new RegExp(`\\b${name}\\b(?:: ([^,}]*[^,}\\s]))?`).exec(options)?.[1];
  const most = value('maxLength');
  // A list of one length only has that length.
  if (most !== undefined && most === value('minLength')) return false;
  return !(Number(most?.replaceAll('_', '')) <= DRAWN_MAX);
}
