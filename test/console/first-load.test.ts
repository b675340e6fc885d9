import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildConsole, CONSOLE_PLACE } from '../../src/apps/order-sync/console/console-build.ts';

const FIRST_LOAD_BYTES_MAX = 150_000;

describe('the built console', () => {
  let folder = '';

  beforeAll(async () => {
    const built = await buildConsole(CONSOLE_PLACE);
    if (built.kind === 'missing') throw new Error(`The console is not built: ${built.reason}`);
    folder = built.folder;
  }, 180_000);

  const index = () => readFileSync(join(folder, 'index.html'), 'utf8');
  const assets = () => readdirSync(join(folder, 'assets'));
  const read = (name: string) => readFileSync(join(folder, 'assets', name), 'utf8');

  /** The scripts that the browser loads for these, by the static imports in them. */
  function withImports(names: readonly string[]): Set<string> {
    const found = new Set<string>();
    const waiting = [...names];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (found.has(name)) continue;
      found.add(name);
      const imported = read(name).matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g);
      waiting.push(...[...imported].map((match) => match[1] ?? ''));
    }
    return found;
  }

  it('loads less than 150 KB of script for the home page with its plots, gzipped', () => {
    const entries = [...index().matchAll(/\/assets\/([\w.-]+\.js)"/g)].map((match) => match[1] ?? '');
    const own = assets().filter((name) => /^(?:home|plot-canvas)-.*\.js$/.test(name));
    expect(entries).not.toEqual([]);
    expect(own).toHaveLength(2);
    const scripts = [...withImports([...entries, ...own])];
    const bytes = scripts.reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0);
    expect(bytes, scripts.join(', ')).toBeLessThan(FIRST_LOAD_BYTES_MAX);
  });

  it('contains no inline script or style, and no source map', () => {
    expect(index()).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\bstyle=|\bon\w+=/);
    expect(assets().filter((name) => name.endsWith('.map'))).toEqual([]);
  });

  it('names no address outside of its server in what it loads', () => {
    const loaded = [...index().matchAll(/\b(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(loaded.every((address) => address.startsWith('/assets/'))).toBe(true);
  });
});
