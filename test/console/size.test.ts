import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { buildConsole, CONSOLE_PLACE } from '../../src/apps/order-sync/console/console-build.ts';

/** The most bytes of script, compressed as order-sync sends them, that the document of every page loads. */
const BYTES_MAX = 150_000;

it('the document of the console loads less than 150 KB of script, compressed', async () => {
  const built = await buildConsole(CONSOLE_PLACE);
  if (built.kind !== 'built') throw new Error(built.reason);
  const { folder } = built;
  const scripts = scriptsOf(readFileSync(join(folder, 'index.html'), 'utf8'));
  expect(scripts).not.toEqual([]);
  const bytes = scripts.map((path) => {
    const script = readFileSync(join(folder, path));
    return gzipSync(script, { level: constants.Z_BEST_COMPRESSION }).length;
  });
  expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(BYTES_MAX);
}, 120_000);

/** The paths of the scripts that the document loads, and of those that it loads ahead for them. */
function scriptsOf(html: string): string[] {
  const tags = html.match(/<(?:script|link)\b[^>]*>/g) ?? [];
  return tags.flatMap((tag) => {
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
    const path = attribute('rel') === 'modulepreload' ? attribute('href') : attribute('src');
    return path === undefined ? [] : [path];
  });
}
