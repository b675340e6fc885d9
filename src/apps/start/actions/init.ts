import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import packageJson from '../../../../package.json' with { type: 'json' };
import { messageOf, TributaryError } from '../../../core/errors.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { initFiles } from '../init-files.ts';

/** The folder of this package, or of the checkout. */
const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
/** What a package.json lacks that was there before. */
const PKG_SET = 'npm pkg set type=module scripts.start="node sync.ts" scripts.test="node --test"';

export async function runInit({ output }: CommandContext<'tributary'>, input: CommandInput): Promise<number> {
  const folder = resolve(input.arguments[0] ?? '.');
  const files = initFiles({ name: nameOf(folder), tributary: dependencyFor(folder) });
  const written: string[] = [];
  const kept: string[] = [];
  for (const [name, content] of files) (writeNew(join(folder, name), content) ? written : kept).push(name);
  await output.document({ folder, written, kept }, report(folder, written, kept));
  return EXIT.ok;
}

/** Writes the file. Returns false, and writes nothing, if it is there already. */
function writeNew(path: string, content: string): boolean {
  try {
    if (mkdirSync(dirname(path), { recursive: true }) !== undefined) chmodSync(dirname(path), 0o755);
    writeFileSync(path, content, { flag: 'wx' });
    // The programs make their files private, but a project is for everybody who works on it.
    chmodSync(path, 0o644);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new TributaryError('usage', `${path} cannot be written: ${messageOf(error)}`);
  }
}

/** A name that npm takes for a package. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return name === '' ? 'sync' : name;
}

/**
 * Where npm took this package from, so that the new project takes it from there too. npm writes that down beside the packages.
 * From a checkout it is the file that `npm pack` makes there.
 */
function dependencyFor(folder: string): string {
  const { version } = packageJson;
  const modules = dirname(ROOT);
  const record = join(modules, '.package-lock.json');
  if (basename(modules) !== 'node_modules' || !existsSync(record))
    return `file:${relative(folder, join(ROOT, `tributary-${version}.tgz`))}`;
  const { packages } = JSON.parse(readFileSync(record, 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly resolved?: string }>>;
  };
  const resolved = packages['node_modules/tributary']?.resolved;
  if (resolved?.startsWith('file:') !== true) return `^${version}`;
  return `file:${relative(folder, resolve(dirname(modules), resolved.slice('file:'.length)))}`;
}

function report(folder: string, written: readonly string[], kept: readonly string[]): string {
  const place = relative(process.cwd(), folder);
  return [
    ...(written.length === 0 ? [] : [`Written in ${folder}: ${written.join(', ')}.`]),
    ...(kept.length === 0 ? [] : [`Kept as they were: ${kept.join(', ')}.`]),
    ...(kept.includes('package.json') ? [`package.json needs a few entries: ${PKG_SET}`] : []),
    `Next: ${[...(place === '' ? [] : [`cd ${place}`]), 'npm install', 'npm test', 'npm start'].join(' && ')}`,
  ].join('\n');
}
