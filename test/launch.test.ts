import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const installed = { version: '1.2.3', integrity: 'sha512-right' };

describe('the launcher', () => {
  let root = '';
  const write = (path: string, content: unknown) => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'tributary-launch-'));
    mkdirSync(join(root, 'bin'));
    copyFileSync(join(import.meta.dirname, '..', 'bin', 'launch.mjs'), join(root, 'bin', 'launch.mjs'));
    mkdirSync(join(root, 'node_modules', 'node', 'bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules', 'node', 'bin', 'node'));
    write('main.mjs', "console.log('started'); console.error(process.env.NODE_COMPILE_CACHE);");
    chmodSync(write('path/npm', '#!/bin/sh\necho "npm was called"\nexit 1\n'), 0o755);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  function launch(
    wanted: Record<string, unknown>,
    found: Record<string, unknown> | null,
    env: Record<string, string> = {},
  ) {
    rmSync(join(root, 'node_modules', '.tributary-installed'), { force: true });
    rmSync(join(root, 'node_modules', '.package-lock.json'), { force: true });
    write('package-lock.json', { packages: { '': { name: 'app' }, ...wanted } });
    if (found !== null) write('node_modules/.package-lock.json', { packages: found });
    const { NODE_COMPILE_CACHE: _, ...inherited } = process.env;
    return spawnSync(process.execPath, [join(root, 'bin', 'launch.mjs'), 'main.mjs'], {
      encoding: 'utf8',
      env: { ...inherited, PATH: `${join(root, 'path')}${delimiter}${process.env.PATH}`, ...env },
    });
  }

  const wanted = {
    'node_modules/a': installed,
    'node_modules/of-another-platform': { ...installed, optional: true },
  };

  it('starts the program without a second install after "npm ci" was run by hand', () => {
    expect(launch(wanted, { 'node_modules/a': installed }).stdout).toBe('started\n');
  });

  it('installs the packages if none is installed', () => {
    expect(launch(wanted, null).stderr).toContain('npm was called');
  });

  it('installs the packages if one is missing', () => {
    expect(launch(wanted, {}).stderr).toContain('npm was called');
  });

  it.each([
    ['version', { ...installed, version: '1.2.2' }],
    ['content', { ...installed, integrity: 'sha512-other' }],
  ])('installs the packages if one has another %s than package-lock.json names', (_, found) => {
    expect(launch(wanted, { 'node_modules/a': found }).stderr).toContain('npm was called');
  });

  it('lets Node keep compiled modules in node_modules, or where the environment says', () => {
    const found = { 'node_modules/a': installed };
    expect(launch(wanted, found).stderr).toBe(`${join(root, 'node_modules', '.cache', 'node-compile')}\n`);
    expect(launch(wanted, found, { NODE_COMPILE_CACHE: '/elsewhere' }).stderr).toBe('/elsewhere\n');
  });
});
