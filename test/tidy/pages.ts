import { blocksOf, staleLine } from './doc-blocks.ts';
import { resolvePath, type Tree, type Violation } from './tree.ts';

/** Returns the Markdown pages of the repository. */
export function pagesOf(tree: Tree): [string, string][] {
  return [...tree].filter(([path]) => path.endsWith('.md'));
}

/** Returns the page without its fenced blocks. */
function prose(page: string): string {
  return page.replace(/^(```+)[^\n]*\n[\s\S]*?^\1\s*$/gm, '');
}

/** Returns the anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function anchorsOf(page: string): Set<string> {
  return new Set([...prose(page).matchAll(/^#{1,6}\s+(.+?)\s*$/gm)].map((match) => anchorOf(match[1] ?? '')));
}

/** Checks that links to files of the repository and to headings have a target. */
export function brokenLinks(tree: Tree): Violation[] {
  return pagesOf(tree).flatMap(([path, page]) =>
    [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
      const link = match[1] ?? '';
      if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return [];
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : resolvePath(path, file);
      const isThere = target !== null && (tree.has(target) || isFolder(tree, target));
      if (!isThere) return [`${path} links to ${link}: there is no such file`];
      const isAnchor = anchor === undefined || anchorsOf(tree.get(target) ?? '').has(anchor);
      return isAnchor ? [] : [`${path} links to ${link}: ${target} has no such heading`];
    }),
  );
}

function isFolder(tree: Tree, path: string): boolean {
  const folder = path.endsWith('/') ? path : `${path}/`;
  return path === '' || [...tree.keys()].some((other) => other.startsWith(folder));
}

/** Commands of npm itself, which package.json does not define. */
const NPM_COMMANDS = new Set(['ci', 'i', 'init', 'install', 'rebuild', 'audit', 'pack', 'pkg']);

/** Scripts of the original program. Pages name them together with the commands that replace them. */
const COMMANDS_OF_THE_ORIGINAL = new Set(['dev']);

/** Checks that every npm command in a page is a script of package.json. */
export function unknownCommands(tree: Tree): Violation[] {
  const scripts = scriptsOf(tree);
  return pagesOf(tree).flatMap(([path, page]) =>
    [...page.matchAll(/\bnpm ((?:-\S+ )*)(run(?:-script)? )?((?:-\S+ )*)([a-z][\w:*-]*)/g)].flatMap(
      (match) => {
        const [, , run, , name = ''] = match;
        if (run === undefined && !isCommandPlace(page, match.index)) return [];
        if (run === undefined && NPM_COMMANDS.has(name)) return [];
        const isKnown = name.endsWith('*')
          ? scripts.some((script) => script.startsWith(name.slice(0, -1)))
          : scripts.includes(name) || COMMANDS_OF_THE_ORIGINAL.has(name);
        return isKnown ? [] : [`${path} names "npm ${run ?? ''}${name}": package.json has no such script`];
      },
    ),
  );
}

/** Tells whether the text at this place is a command. Otherwise it is a sentence about npm. */
function isCommandPlace(page: string, index: number): boolean {
  return /(^|[`$(=]|&& |; )\s*(?:[A-Z_]+=\S+ )*$/.test(
    page.slice(page.lastIndexOf('\n', index - 1) + 1, index),
  );
}

function scriptsOf(tree: Tree): string[] {
  const manifest = JSON.parse(tree.get('package.json') ?? '{}') as { scripts?: Record<string, string> };
  return Object.keys(manifest.scripts ?? {});
}

const ROOTS = /^(?:src|test|docs|bin|bench|examples|docker|\.ci)\/[\w./*-]*$/;
const BARE_FILE = /^[\w.-]+\.(?:md|ts|mjs|yml)$/;

/** Checks that every file that a page names in backticks exists. `*` stands for any name. */
export function missingFiles(tree: Tree): Violation[] {
  const paths = [...tree.keys()];
  const lastNames = new Set(paths.map((path) => path.slice(path.lastIndexOf('/') + 1)));
  return pagesOf(tree).flatMap(([path, page]) =>
    [...prose(page).matchAll(/`([^`\n]+)`/g)].flatMap((match) => {
      const name = match[1] ?? '';
      const isBare = BARE_FILE.test(name);
      if (!isBare && !ROOTS.test(name)) return [];
      const isThere = isBare ? lastNames.has(name) : isNamed(tree, paths, name);
      return isThere ? [] : [`${path} names ${name}: there is no such file`];
    }),
  );
}

function isNamed(tree: Tree, paths: readonly string[], name: string): boolean {
  if (!name.includes('*')) return tree.has(name) || isFolder(tree, name);
  const pattern = name
    .split(/(\*\*|\*)/)
    .map((part) =>
      part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('');
  return paths.some((path) => new RegExp(`^${pattern}(?:/.*)?$`).test(path));
}

/** Checks that a block marked `from <file>` consists of lines of that file. */
export function staleExcerpts(tree: Tree): Violation[] {
  return pagesOf(tree).flatMap(([path, page]) =>
    blocksOf(page).flatMap(({ words, content, line }) => {
      const from = words.indexOf('from');
      if (from < 0) return [];
      const source = tree.get(words[from + 1] ?? '');
      if (source === undefined) return [`${path}:${line} quotes ${words[from + 1]}: there is no such file`];
      const stale = staleLine(content, source);
      return stale === null
        ? []
        : [`${path}:${line} quotes "${stale}": ${words[from + 1]} has no such line here`];
    }),
  );
}
