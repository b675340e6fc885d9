import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { consolePlaceIn } from '../../../../src/apps/order-sync/console/console-build.ts';
import {
  type ConsoleFiles,
  loadConsoleFiles,
  withData,
} from '../../../../src/apps/order-sync/console/console-files.ts';
import { ConsolePages } from '../../../../src/apps/order-sync/console/console-pages.ts';

async function folderOf(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-console-files-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

const loaded = async (files: Readonly<Record<string, string | Buffer>>): Promise<ConsoleFiles> =>
  loadConsoleFiles(await folderOf(files));

describe('loadConsoleFiles', () => {
  it('finds the files of all folders by their paths from the root, with their media types', async () => {
    const files = await loaded({
      'index.html': '',
      'assets/a/index.JS': '',
      'robots.txt': '',
      'odd.bin': '',
    });
    expect([...files].map(([path, { type }]) => [path, type]).sort()).toEqual([
      ['/assets/a/index.JS', 'text/javascript; charset=utf-8'],
      ['/index.html', 'text/html; charset=utf-8'],
      ['/odd.bin', 'application/octet-stream'],
      ['/robots.txt', 'text/plain; charset=utf-8'],
    ]);
  });

  it.each([
    ['a.js', 1_023, false],
    ['a.js', 1_024, true],
    ['a.png', 5_000, false],
    ['a.woff2', 5_000, false],
  ])('compresses %s of %i bytes: %j', async (name, bytes, isCompressed) => {
    const content = Buffer.alloc(bytes, 'x');
    const file = (await loaded({ [name]: content })).get(`/${name}`);
    expect(file?.plain.bytes).toEqual(content);
    expect(file?.gzip !== null).toBe(isCompressed);
    if (file?.gzip) expect(gunzipSync(file.gzip.bytes)).toEqual(content);
  });

  it('gives each content and each encoding an entity tag of its own', async () => {
    const files = await loaded({
      'a.js': 'x'.repeat(2_000),
      'b.js': 'y'.repeat(2_000),
      'c.js': 'x'.repeat(2_000),
    });
    const tags = (path: string) => [files.get(path)?.plain.etag, files.get(path)?.gzip?.etag];
    expect(new Set([...tags('/a.js'), ...tags('/b.js')]).size).toBe(4);
    expect(tags('/c.js')).toEqual(tags('/a.js'));
  });
});

describe('withData', () => {
  const INDEX = '<!doctype html><html lang="en"></html>';
  const textOf = (files: ConsoleFiles) => files.get('/index.html')?.plain.bytes.toString();

  it('escapes what could end an attribute, and leaves the other files as they are', async () => {
    const files = await loaded({ 'index.html': INDEX, 'a.js': 'x' });
    const told = await withData(files, { noun: '"><script>&$&' });
    expect(textOf(told)).toBe(
      '<!doctype html><html data-noun="&quot;>&lt;script>&amp;$&amp;" lang="en"></html>',
    );
    expect(told.get('/a.js')).toBe(files.get('/a.js'));
    expect(told.get('/index.html')?.plain.etag).not.toBe(files.get('/index.html')?.plain.etag);
  });

  it('changes nothing without data, or without a document', async () => {
    const files = await loaded({ 'index.html': INDEX });
    expect(await withData(files, {})).toBe(files);
    const none = await loaded({ 'a.js': 'x' });
    expect(await withData(none, { noun: 'order' })).toBe(none);
  });
});

describe('the pages of a running server', () => {
  it('the files are read once, although many ask for them', async () => {
    const root = await folderOf({});
    const place = consolePlaceIn(root);
    await mkdir(place.finished, { recursive: true });
    await writeFile(join(place.finished, 'index.html'), '<html>');
    const pages = new ConsolePages(place, () => {});
    onTestFinished(() => pages.stop());
    const [first, second] = await Promise.all([pages.files(), pages.files()]);
    expect(first.kind).toBe('loaded');
    expect(second).toBe(first);
    expect(await pages.files()).toBe(first);
  });

  it('a missing console is logged, and not one whose server stopped meanwhile', async () => {
    const root = await folderOf({});
    const logged: string[] = [];
    const pages = () => new ConsolePages(consolePlaceIn(root), (_, message) => logged.push(message));
    expect(await pages().files()).toMatchObject({ kind: 'missing' });
    expect(logged).toEqual([expect.stringContaining('The pages of the console are not there: ')]);
    const stopped = pages();
    await stopped.stop();
    expect(await stopped.built()).toMatchObject({ kind: 'missing' });
    expect(logged).toHaveLength(1);
  });
});
