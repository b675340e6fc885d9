import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { runCli } from '../../../src/apps/shared/cli/cli.ts';
import { commandsOf } from '../../../src/apps/start/commands/index.ts';
import { fakeHost } from '../shared/cli/fake-host.ts';

const FILES = [
  '.gitignore',
  'README.md',
  'domain.test.ts',
  'domain.ts',
  'events.jsonl',
  'package.json',
  'sync.ts',
];

async function init(folder: string, ...flags: string[]) {
  const host = fakeHost(['init', folder, ...flags], {});
  const commands = commandsOf(systemClock);
  const code = await runCli(
    { program: 'tributary', summary: 'Runs.', examples: [['npm start', 'Run']], commands },
    host,
  );
  return { code, out: host.stdout.text, answer: flags.length > 0 ? JSON.parse(host.stdout.text) : null };
}

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-init-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('tributary init', () => {
  it('makes a project that everybody may read, named like its folder', async () => {
    const folder = join(emptyFolder(), 'My Shop');
    const { code, answer } = await init(folder, '--json');
    expect(code).toBe(0);
    expect(answer).toMatchObject({ folder, kept: [] });
    expect(readdirSync(folder).sort()).toEqual(FILES);
    expect(statSync(join(folder, 'sync.ts')).mode & 0o777).toBe(0o644);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({ name: 'my-shop', private: true, type: 'module' });
    expect(manifest.dependencies.tributary).toMatch(/^file:.*tributary-\d+\.\d+\.\d+\.tgz$/);
  });

  it('leaves files that are there as they are, and makes the others', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'domain.ts'), 'mine');
    const { answer } = await init(folder, '--json');
    expect(answer.kept).toEqual(['domain.ts']);
    expect(answer.written).toHaveLength(FILES.length - 1);
    expect(readFileSync(join(folder, 'domain.ts'), 'utf8')).toBe('mine');
    const again = await init(folder, '--json');
    expect(again.answer.written).toEqual([]);
  });

  it.each([
    ['My Shop!', 'my-shop'],
    ['--orders--', 'orders'],
    ['\u65e5\u672c', 'sync'],
    ['___', 'sync'],
  ])('calls the package of the folder %s %s', async (folder, name) => {
    const path = join(emptyFolder(), folder);
    await init(path, '--json');
    expect(JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')).name).toBe(name);
  });

  it('says what a package.json lacks that was there before', async () => {
    const folder = emptyFolder();
    const fresh = await init(join(folder, 'fresh'));
    expect(fresh.out).not.toContain('package.json needs');
    expect(fresh.out).toMatch(/Next: cd .*fresh && npm install && npm test && npm start\n$/);
    writeFileSync(join(folder, 'package.json'), '{}');
    expect((await init(folder)).out).toContain('package.json needs a few entries: npm pkg set type=module');
  });
});
