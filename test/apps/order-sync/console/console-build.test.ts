import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  buildConsole,
  CONSOLE_PLACE,
  type ConsolePlace,
  consolePlaceIn,
} from '../../../../src/apps/order-sync/console/console-build.ts';

/** A tool that is called as Vite is, notes each call, and writes one file. */
const TOOL = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
const [command, sources, option, folder] = process.argv.slice(2);
appendFileSync(join(dirname(sources), 'calls'), [command, option, process.env.NODE_ENV].join(' ') + '\\n');
mkdirSync(folder, { recursive: true });
const page = readFileSync(join(sources, 'index.html'), 'utf8');
if (page === 'broken') throw new Error('The page is broken.');
writeFileSync(join(folder, 'index.html'), page);
`;

async function placeWith(page: string | null): Promise<ConsolePlace & { readonly root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'tributary-console-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const place = { ...consolePlaceIn(root), vite: join(root, 'tool.mjs'), root };
  await writeFile(place.vite, TOOL);
  await writeFile(place.lockFile, '{}');
  if (page !== null) {
    await mkdir(join(place.sources, 'src'), { recursive: true });
    await writeFile(join(place.sources, 'index.html'), page);
  }
  return place;
}

const callsOf = async ({ root }: { readonly root: string }) =>
  existsSync(join(root, 'calls'))
    ? (await readFile(join(root, 'calls'), 'utf8')).split('\n').filter((line) => line !== '')
    : [];

const folderOf = async (place: ConsolePlace) => {
  const built = await buildConsole(place);
  if (built.kind === 'missing') throw new Error(built.reason);
  return built.folder;
};

describe('the build of the console', () => {
  it('runs once for each content of the sources and of the lock file', async () => {
    const place = await placeWith('one');
    const first = await folderOf(place);
    expect(await readFile(join(first, 'index.html'), 'utf8')).toBe('one');
    expect(await folderOf(place)).toBe(first);
    expect(await callsOf(place)).toEqual(['build --outDir production']);
    await writeFile(join(place.sources, 'src', 'main.ts'), '');
    const second = await folderOf(place);
    await writeFile(place.lockFile, '{"packages":{}}');
    const third = await folderOf(place);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(await callsOf(place)).toHaveLength(3);
  });

  it('gives all processes that start at once the same folder, and leaves no other one', async () => {
    const place = await placeWith('one');
    const folders = await Promise.all([folderOf(place), folderOf(place), folderOf(place)]);
    expect(new Set(folders).size).toBe(1);
    expect(await readdir(place.cache)).toHaveLength(1);
  });

  it('lets every user of the machine read the files, although the program keeps its own ones private', async () => {
    const place = await placeWith('one');
    await writeFile(place.vite, `process.umask(0o077);${TOOL}`);
    const folder = await folderOf(place);
    const modes = [place.cache, folder, join(folder, 'index.html')].map(
      async (path) => (await stat(path)).mode,
    );
    expect((await Promise.all(modes)).map((mode) => mode & 0o777)).toEqual([0o755, 0o755, 0o644]);
  });

  it('removes what nobody has used for a day, and keeps what somebody has used since', async () => {
    const place = await placeWith('one');
    const first = await folderOf(place);
    await writeFile(join(place.sources, 'index.html'), 'two');
    const second = await folderOf(place);
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await utimes(second, yesterday, yesterday);
    expect(await folderOf(place)).toBe(second);
    expect((await stat(second)).mtimeMs).toBeGreaterThan(yesterday.getTime() + 1_000);
    expect(existsSync(first)).toBe(true);
    await utimes(first, yesterday, yesterday);
    await folderOf(place);
    expect(await readdir(place.cache)).toHaveLength(1);
    expect(existsSync(second)).toBe(true);
  });

  it('says why there is no console: no sources, no tool, or a failed build', async () => {
    const none = await placeWith(null);
    expect(await buildConsole(none)).toEqual({
      kind: 'missing',
      reason: 'neither its sources nor its built files are installed',
    });
    const noTool = await placeWith('one');
    await rm(noTool.vite);
    expect(await buildConsole(noTool)).toMatchObject({ reason: expect.stringContaining('Vite') });
    const broken = await placeWith('broken');
    expect(await buildConsole(broken)).toMatchObject({
      kind: 'missing',
      reason: expect.stringMatching(/^its build failed: [\s\S]*The page is broken/),
    });
    expect(await readdir(broken.cache)).toEqual([]);
  });

  it('takes built files without sources, as the image has them', async () => {
    const place = await placeWith(null);
    await mkdir(place.finished);
    await writeFile(join(place.finished, 'index.html'), 'finished');
    expect(await buildConsole(place)).toEqual({ kind: 'built', folder: place.finished });
    expect(await callsOf(place)).toEqual([]);
  });

  it('ends when its signal aborts', async () => {
    const place = await placeWith('one');
    await writeFile(place.vite, 'setInterval(() => {}, 1000);');
    const stop = new AbortController();
    const building = buildConsole(place, { signal: stop.signal });
    stop.abort();
    expect(await building).toMatchObject({ kind: 'missing', reason: expect.stringContaining('abort') });
  });

  it('lets Vite itself build a page with files that have hashes in their names', async () => {
    const place = { ...(await placeWith(null)), vite: CONSOLE_PLACE.vite };
    await mkdir(join(place.sources, 'src'), { recursive: true });
    await writeFile(
      join(place.sources, 'index.html'),
      '<!doctype html><div id="page"></div><script type="module" src="/src/main.ts"></script>',
    );
    await writeFile(
      join(place.sources, 'src', 'main.ts'),
      'const mode: string = process.env.NODE_ENV ?? ""; document.title = mode;',
    );
    const folder = await folderOf(place);
    const [script = ''] = await readdir(join(folder, 'assets'));
    expect(script).toMatch(/^index-[\w-]{8}\.js$/);
    expect(await readFile(join(folder, 'index.html'), 'utf8')).toContain(`/assets/${script}`);
    expect(await readFile(join(folder, 'assets', script), 'utf8')).toContain('production');
  });
});
