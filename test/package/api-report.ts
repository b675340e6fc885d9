import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** The declaration of each export of an entry of the package, by its name. */
export type EntryReport = ReadonlyMap<string, string>;

/** Reads what the package exports from the declarations that tsc makes of the sources. By the entry, such as `tributary/kafka`. */
export function readPublicApi(): ReadonlyMap<string, EntryReport> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-api-'));
  try {
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const words = [
      '-p',
      join(root, 'packaging'),
      '--outDir',
      folder,
      '--emitDeclarationOnly',
      '--removeComments',
    ];
    execFileSync(process.execPath, [compiler, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    const entries = readdirSync(join(folder, 'public')).filter((name) => name.endsWith('.d.ts'));
    return new Map(
      entries
        .sort((left, right) => Number(right === 'index.d.ts') - Number(left === 'index.d.ts'))
        .map((file) => {
          const name = file.replace('.d.ts', '');
          const entry = name === 'index' ? 'tributary' : `tributary/${name}`;
          return [entry, entryOf(join(folder, 'public', file))] as const;
        }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function entryOf(path: string): EntryReport {
  const names = exportsOf(readFileSync(path, 'utf8')).map(({ name }) => name);
  return new Map(names.sort().map((name) => [name, declarationOf(path, name)]));
}

interface Reexport {
  readonly name: string;
  /** The name in the other module. */
  readonly original: string;
  readonly from: string;
}

function exportsOf(source: string): Reexport[] {
  return [...source.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)';/gm)].flatMap((match) =>
    (match[1] ?? '')
      .split(',')
      .map((item) => item.trim().replace(/^type /, ''))
      .filter((item) => item !== '')
      .map((item) => {
        const [original = '', name = original] = item.split(' as ');
        return { name, original, from: match[2] ?? '' };
      }),
  );
}

/** The text of a declaration, in the module that has it. Throws if no module has it. */
function declarationOf(path: string, name: string): string {
  const source = readFileSync(path, 'utf8');
  const start = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:function|class|const|interface|type) ${name.replaceAll('$', '\\$')}\\b`,
    'm',
  ).exec(source)?.index;
  if (start !== undefined) return wholeStatements(source.slice(start), name);
  const next = exportsOf(source).find((reexport) => reexport.name === name);
  if (next === undefined) throw new Error(`${path} does not export ${name}.`);
  return declarationOf(join(dirname(path), next.from.replace(/\.ts$/, '.d.ts')), next.original);
}

/** The statement at the beginning of the text, and further ones of the same name, as overloads are. */
function wholeStatements(text: string, name: string): string {
  const end = endOf(text);
  const statement = text
    .slice(0, end)
    .replaceAll(/^export (?:declare )?/gm, '')
    .trim();
  const rest = text.slice(end).trimStart();
  const isOverload = new RegExp(`^export declare function ${name}\\b`).test(rest);
  return isOverload ? `${statement}\n${wholeStatements(rest, name)}` : statement;
}

/** The end of a statement: the first semicolon or closing brace that stands in no bracket. */
function endOf(text: string): number {
  const isBlock = /^export (?:declare )?(?:abstract )?(?:interface|class)/.test(text);
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if ('{(['.includes(character)) depth++;
    else if ('})]'.includes(character)) {
      depth--;
      if (depth === 0 && isBlock && character === '}') return index + 1;
    } else if (character === ';' && depth === 0 && !isBlock) return index + 1;
  }
  return text.length;
}

const INTRODUCTION = `# The public API

This page is made from the declarations of \`src/public\`; a test refuses it when the two differ, so that every change of the
API is seen in a review. After a change there: \`npm run test:unit -- test/package/public-api.test.ts -u\`.

## What a version promises

Only what stands on this page is public. Files below \`dist/\` have no promise, and \`exports\` of package.json keeps others from
importing them. Besides, these are public: the settings ([settings.md](settings.md)), the codes of errors
([errors.md](errors.md)), the commands with their exit codes, the paths and members of the HTTP API, the columns of the tables,
and the names of metrics ([metrics.md](metrics.md)).

- **Patch** (1.2.**3**): a correction. A domain that worked goes on, with the same rows.
- **Minor** (1.**3**.0): something new, that nobody has to use. New optional members of a type that you write, new members of a
  type that you read, new laws of the kit: a domain with a mistake may fail its test then.
- **Major** (**2**.0.0): something that is here changes its meaning or goes. [The changelog](../CHANGELOG.md) says what to do.
- While the version begins with 0, a minor one may do what a major one may.

A store is brought to a newer schema by the first start of a newer version, and an older version refuses it then. Journaled events
are never changed, so every version reads the journal of every older one.
`;

/** The text that docs/public-api.md has to have. */
export function publicApiPage(api: ReadonlyMap<string, EntryReport>): string {
  const sections = [...api].map(
    ([entry, report]) => `## ${entry}\n\n\`\`\`ts\n${[...report.values()].join('\n\n')}\n\`\`\`\n`,
  );
  return [INTRODUCTION, ...sections].join('\n');
}
