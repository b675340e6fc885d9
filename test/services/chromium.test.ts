import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findChromium, fontSettings } from './chromium.ts';
import { readEnvironment } from './environment.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-chromium-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, script: string): string {
  const program = join(folder, path);
  mkdirSync(dirname(program), { recursive: true });
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return program;
}

const find = (variables: NodeJS.ProcessEnv) => findChromium(readEnvironment(variables), () => {});

test('findChromium takes the program of TEST_CHROMIUM, even if the machine has another one', async () => {
  const path = write('own/browser', 'echo Google Chrome 140.0.1');
  write('bin/chromium', 'echo Chromium 156.0.2');
  const { address } = await find({ TEST_CHROMIUM: path, PATH: join(folder, 'bin') });
  expect(address).toEqual({
    name: 'chromium',
    path,
    origin: 'environment',
    description: 'Chrome 140.0.1 (TEST_CHROMIUM)',
  });
});

test('findChromium passes over a script of that name which is no browser', async () => {
  write('bin/chromium', 'echo please install it >&2; exit 1');
  const path = write('bin/google-chrome', 'echo Google Chrome 140.0.1 beta');
  const { address } = await find({ PATH: join(folder, 'bin') });
  expect(address).toMatchObject({ path, origin: 'system', description: `Chrome 140.0.1 (${path})` });
});

test('findChromium refuses a TEST_CHROMIUM that does not tell its version, and says what to set', async () => {
  const path = write('own/browser', 'echo hello');
  await expect(find({ TEST_CHROMIUM: path, PATH: '/usr/bin' })).rejects.toMatchObject({
    message: expect.stringContaining('printed "hello"'),
    remedy: expect.stringContaining('set TEST_CHROMIUM'),
  });
});

test('findChromium names the remedy on a machine without a browser and without apt-get', async () => {
  await expect(find({ PATH: folder, TEST_SYSTEM_PROGRAMS: 'never' })).rejects.toMatchObject({
    message: expect.stringContaining('there is no Chromium on this machine'),
    remedy: expect.stringMatching(/apt-get install chromium.*TEST_CHROMIUM/),
  });
});

test('fontSettings names the fonts of the folder in an XML file, whatever the folder is called', () => {
  const settings = fontSettings('/cache of R&D');
  expect(settings).toContain('<dir>/cache of R&amp;D/usr/share/fonts</dir>');
  expect(settings).toContain('<cachedir>/cache of R&amp;D/font-cache</cachedir>');
  expect(settings.match(/<prefer><family>DejaVu/g)).toHaveLength(3);
});
