import { type Tree, type Violation, withoutComments } from './tree.ts';

/** The folder of an adapter, with the word that stands for it in names: `Kafka` in `openKafkaLog` of `src/adapters/kafka`. */
export interface Sibling {
  readonly adapter: string;
  readonly word: string;
}

/** Exports of same-named files that may differ. */
export interface Difference {
  /** The file's path inside the adapters. */
  readonly file: string;
  /** The exports that the other adapters do not have, by the folder of the adapter. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  readonly reason: string;
}

/**
 * Files of the same name in sibling adapters export the same names, apart from the adapter's own word in them, so
 * that a diff of two siblings teaches the third. Every difference is listed with its reason, and no other is.
 */
export function siblingExports(
  tree: Tree,
  siblings: readonly Sibling[],
  differences: readonly Difference[],
): Violation[] {
  const found = sharedFiles(tree, siblings).flatMap((file) => unequalExports(tree, siblings, file));
  const isListed = ({ file, adapter, name }: UnequalExport) =>
    differences.some((difference) => difference.file === file && listed(difference, adapter).includes(name));
  return [
    ...found
      .filter((unequal) => !isListed(unequal))
      .map(
        ({ file, adapter, name, lacking }) =>
          `${pathOf(adapter, file)} exports ${name}, and ${lacking.map((other) => pathOf(other, file)).join(', ')} ` +
          'does not: give them the same name, or list the difference with its reason',
      ),
    ...staleDifferences(found, differences),
  ];
}

/**
 * The `index.ts` of an adapter names every file that no sibling has, or the folder of that file, in a comment that
 * says why. It names nothing that is not there.
 */
export function filesWithoutTwin(tree: Tree, siblings: readonly Sibling[]): Violation[] {
  return siblings.flatMap(({ adapter }) => {
    const index = pathOf(adapter, 'index.ts');
    const comment = /^\/\*[\s\S]*?\*\//.exec(tree.get(index) ?? '')?.[0] ?? '';
    const named = [...comment.matchAll(/`([\w./-]+(?:\/|\.ts))`/g)].map((match) => match[1] ?? '');
    const own = filesOf(tree, adapter);
    const isNamed = (file: string) => named.some((name) => file === name || file.startsWith(folder(name)));
    const isShared = (file: string) =>
      siblings.some((other) => other.adapter !== adapter && filesOf(tree, other.adapter).includes(file));
    return [
      ...own
        .filter((file) => !isShared(file) && !isNamed(file))
        .map(
          (file) =>
            `${pathOf(adapter, file)} has no twin in a sibling: say why in the first comment of ${index}`,
        ),
      ...named
        .filter((name) => !own.some((file) => file === name || file.startsWith(folder(name))))
        .map(
          (name) => `${index} names ${name} as a file of its own, and has none: take it out of the comment`,
        ),
    ];
  });
}

/** The names that a file exports. `*` stands for everything of another file. */
export function exportsOf(source: string): string[] {
  const code = withoutComments(source);
  const declared = [
    ...code.matchAll(
      /^export\s+(?:declare\s+|abstract\s+|async\s+)*(?:function\*?|class|const|let|interface|type)\s+(\w+)/gm,
    ),
  ].map((match) => match[1] ?? '');
  const listedNames = [...code.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}/gm)].flatMap((match) =>
    (match[1] ?? '')
      .split(',')
      .map((name) => name.trim().replace(/^type\s+/, ''))
      .filter((name) => name !== '')
      .map((name) => name.split(/\s+as\s+/).at(-1) ?? name),
  );
  const others = [
    ...(/^export\s+default\b/m.test(code) ? ['default'] : []),
    ...(/^export\s+\*/m.test(code) ? ['*'] : []),
  ];
  return [...declared, ...listedNames, ...others].sort();
}

interface UnequalExport {
  readonly file: string;
  readonly adapter: string;
  readonly name: string;
  /** The siblings that have the file without this export. */
  readonly lacking: readonly string[];
}

function unequalExports(tree: Tree, siblings: readonly Sibling[], file: string): UnequalExport[] {
  const having = siblings.filter(({ adapter }) => tree.has(pathOf(adapter, file)));
  const namesOf = new Map(
    having.map((sibling) => [sibling, exportsOf(tree.get(pathOf(sibling.adapter, file)) ?? '')]),
  );
  return having.flatMap((sibling) =>
    (namesOf.get(sibling) ?? []).flatMap((name) => {
      const neutral = withoutWord(name, sibling.word);
      const lacking = having.filter(
        (other) => !(namesOf.get(other) ?? []).some((theirs) => withoutWord(theirs, other.word) === neutral),
      );
      if (lacking.length === 0) return [];
      return [{ file, adapter: sibling.adapter, name, lacking: lacking.map(({ adapter }) => adapter) }];
    }),
  );
}

function staleDifferences(found: readonly UnequalExport[], differences: readonly Difference[]): Violation[] {
  return differences.flatMap((difference) => {
    const { file, names, reason } = difference;
    const stale = Object.entries(names).flatMap(([adapter, list]) =>
      list
        .filter(
          (name) =>
            !found.some((each) => each.file === file && each.adapter === adapter && each.name === name),
        )
        .map(
          (name) =>
            `${pathOf(adapter, file)} is listed to differ in ${name}, and does not: take it off the list`,
        ),
    );
    if (reason.trim() === '') stale.push(`The difference of ${file} has no reason: say why the names differ`);
    return stale;
  });
}

/** The files that at least two of the siblings have. */
function sharedFiles(tree: Tree, siblings: readonly Sibling[]): string[] {
  const files = siblings.flatMap(({ adapter }) => filesOf(tree, adapter));
  return [...new Set(files.filter((file, index) => files.indexOf(file) !== index))].sort();
}

function filesOf(tree: Tree, adapter: string): string[] {
  const root = `${adapter}/`;
  return [...tree.keys()]
    .filter((path) => path.startsWith(root) && path.endsWith('.ts'))
    .map((path) => path.slice(root.length));
}

/** `openKafkaLog` and `openEmbeddedLog` both become `openLog`, and `KAFKA_LIMIT` becomes `LIMIT`. */
function withoutWord(name: string, word: string): string {
  return name
    .replace(word, '')
    .replace(`${word.toUpperCase()}_`, '')
    .replace(new RegExp(`^${word.toLowerCase()}(?=[A-Z])`), '');
}

function listed({ names }: Difference, adapter: string): readonly string[] {
  return names[adapter] ?? [];
}

function pathOf(adapter: string, file: string): string {
  return `${adapter}/${file}`;
}

/** A folder's name with its slash. A file's name becomes the start of no path. */
function folder(name: string): string {
  return name.endsWith('/') ? name : `${name}/`;
}
