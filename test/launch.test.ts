import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { programFlags } from './helpers/program-flags.ts';

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
    for (const file of ['launch.mjs', 'child.mjs', 'node-flags.json', 'program.mjs', 'order-sync.mjs'])
      copyFileSync(join(import.meta.dirname, '..', 'bin', file), join(root, 'bin', file));
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
    script = 'main.mjs',
  ) {
    rmSync(join(root, 'node_modules', '.tributary-installed'), { force: true });
    rmSync(join(root, 'node_modules', '.package-lock.json'), { force: true });
    write('package-lock.json', { packages: { '': { name: 'app' }, ...wanted } });
    if (found !== null) write('node_modules/.package-lock.json', { packages: found });
    const { NODE_COMPILE_CACHE: _, ...inherited } = process.env;
    return spawnSync(process.execPath, [join(root, 'bin', 'launch.mjs'), script], {
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

  it('gives a program a small young generation, unless the environment has a size of its own', () => {
    const printed = 'console.log(JSON.stringify(process.execArgv));';
    const flags = (script: string, env: Record<string, string> = {}) => {
      write(script, printed);
      return JSON.parse(launch(wanted, { 'node_modules/a': installed }, env, script).stdout);
    };
    const program = 'src/apps/order-sync/main.mjs';
    const everywhere = ['--disable-warning=ExperimentalWarning'];
    expect(flags(program)).toEqual(programFlags());
    expect(programFlags()).toEqual([...everywhere, '--max-semi-space-size=16']);
    expect(flags(program, { NODE_OPTIONS: '--max-semi-space-size=32' })).toEqual(everywhere);
    expect(flags('test/run.mjs')).toEqual(everywhere);
    rmSync(join(root, 'src'), { recursive: true });
  });

  it('starts the JavaScript of a package, and gives back its exit code', () => {
    write('dist/apps/order-sync/main.js', 'console.log(process.argv.slice(2).join()); process.exit(3);');
    write('package.json', { type: 'module' });
    const { stdout, status } = spawnSync(process.execPath, [join(root, 'bin', 'order-sync.mjs'), 'a', 'b'], {
      encoding: 'utf8',
      cwd: root,
    });
    expect(stdout).toBe('a,b\n');
    expect(status).toBe(3);
  });

  it('takes the Node of the project where its own is too old, and says what to install without one', () => {
    // The version of the running Node is a plain value, so a preloaded file can make it an older one.
    const older = write(
      'older.cjs',
      "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });",
    );
    const start = (cwd: string) =>
      spawnSync(process.execPath, ['-r', older, join(root, 'bin', 'order-sync.mjs'), 'a'], {
        encoding: 'utf8',
        cwd,
      });
    write('project/package.json', {});
    const { stderr, status } = start(join(root, 'project'));
    expect(stderr).toBe(
      'Tributary needs Node 24 or newer, and this is 20.20.2. Install it, or give it to this project alone: npm i node@24\n',
    );
    expect(status).toBe(1);
    write('project/node_modules/node/package.json', { version: '24.1.0', bin: { node: 'bin/node' } });
    mkdirSync(join(root, 'project/node_modules/node/bin'));
    symlinkSync(process.execPath, join(root, 'project/node_modules/node/bin/node'));
    expect(start(join(root, 'project')).stdout).toBe('a\n');
  });
});
