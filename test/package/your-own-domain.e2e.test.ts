// Packs the package, installs the file in an empty folder, and runs docs/your-own-domain.md there from the top to the end:
// blocks marked "file" are written, and those marked "packed" are run in bash. "until": again until the output is right.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKafkaLog } from '../../src/adapters/kafka/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { createDatabase, services } from '../services/context.ts';
import { freePort, type TestDatabase } from '../services/index.ts';
import { blocksOf, type DocBlock, missingLine } from '../tidy/doc-blocks.ts';
import { pack, readersEnvironment } from './packed.ts';

const root = join(import.meta.dirname, '..', '..');
const PATIENCE_MS = 30_000;
const hasTools = ['bash', 'curl'].every((tool) => spawnSync(tool, ['--version']).status === 0);

interface Shell {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output: string;
}

describe.skipIf(!hasTools)('the package in an empty folder', () => {
  const page = blocksOf(readFileSync(join(root, 'docs', 'your-own-domain.md'), 'utf8'));
  const running: Shell[] = [];
  let folder = '';
  let files: readonly string[] = [];
  let ports: readonly number[] = [];
  let database: TestDatabase | undefined;
  let topic = '';
  const app = () => join(folder, 'app');

  beforeAll(async () => {
    const packed = pack();
    folder = packed.folder;
    files = packed.files;
    ports = [await freePort(), await freePort()];
    mkdirSync(app());
    if (lacksServices()) return;
    topic = `parcel-events-${Date.now()}`;
    const log = openKafkaLog({ brokers: services().kafka.brokers, clock: systemClock, logger: () => {} });
    await log.createTopics([{ topic, partitions: 2 }]);
    await log.close();
    database = await createDatabase(services().mariadb.url);
  });

  afterAll(async () => {
    for (const { child } of running) interrupt(child);
    await Promise.all(running.map(({ ended }) => ended));
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const lacksServices = () => services().lacks('kafka', 'mariadb');

  function own(text: string): string {
    return text
      .replaceAll(/\b(localhost|127\.0\.0\.1):3000\b/g, `127.0.0.1:${ports[0]}`)
      .replaceAll(/\b127\.0\.0\.1:3001\b/g, `127.0.0.1:${ports[1]}`)
      .replaceAll('ORDER_SYNC_PORT=3001', `ORDER_SYNC_PORT=${ports[1]}`)
      .replaceAll('localhost:9092', lacksServices() ? '' : services().kafka.brokers.join(','))
      .replaceAll('mysql://root@localhost/parcels', database?.url ?? 'mysql://nobody');
  }

  it('holds JavaScript, declarations, migrations and the pages of the console, and no sources', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/public/index.js',
        'dist/public/index.d.ts',
        'dist/adapters/mysql/migrations/0001-journal-deliveries-checkpoints.sql',
        'console-dist/index.html',
        'bin/tributary.mjs',
        'docs/errors.md',
      ]),
    );
    expect(
      files.filter((path) => /(^|\/)(src|test|node_modules)\//.test(path) || /[^d]\.ts$/.test(path)),
    ).toEqual([]);
    const migrations = (folder: string) =>
      readdirSync(join(root, folder)).filter((name) => name.endsWith('.sql'));
    for (const store of [
      'adapters/mysql',
      'adapters/sqlite',
      'apps/order-mgt/states/mysql',
      'apps/order-mgt/states/sqlite',
    ])
      for (const name of migrations(`src/${store}/migrations`))
        expect(files).toContain(`dist/${store}/migrations/${name}`);
  });

  const steps = page.flatMap((block, index) => {
    const isFile = block.words[0] === 'file';
    if (!isFile && block.words[0] !== 'packed') return [];
    const next = page[index + 1];
    const expected = next?.language === 'text' ? next.content : null;
    const name = isFile
      ? `writes ${block.words[1]}`
      : `runs line ${block.line}: ${block.content.split('\n')[0]}`;
    return [[name, block, expected] as const];
  });

  it.each(steps)('%s', async (_, block, expected) => {
    if (block.words[0] === 'file') return writeFileSync(join(app(), block.words[1] ?? ''), block.content);
    if (block.words.includes('kafka') && lacksServices()) return;
    await run(block, expected);
  });

  async function run(block: DocBlock, expected: string | null): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    const wanted = wantedOf(block, expected ?? '');
    for (;;) {
      const shell = startShell(own(block.content), settingsOf(block));
      if (block.words.includes('background')) {
        running.push(shell);
        while (missingLine(wanted, shell.output) !== null && performance.now() < giveUpAt) await sleep(50);
        expect(missingLine(wanted, shell.output), shell.output).toBeNull();
        return;
      }
      const status = await shell.ended;
      const missing = missingLine(wanted, shell.output);
      if (missing !== null && block.words.includes('until') && performance.now() < giveUpAt) continue;
      expect(status, shell.output).toBe(0);
      expect(missing, shell.output).toBeNull();
      return;
    }
  }

  /** On Kafka the test has a topic of its own. */
  const wantedOf = (block: DocBlock, text: string) =>
    block.words.includes('kafka') ? own(text).replaceAll('parcel_events', topic) : own(text);

  function settingsOf(block: DocBlock): Record<string, string> {
    if (block.words.includes('kafka')) return { TRIBUTARY_TOPICS: `parcel_events=${topic}` };
    return { ORDER_SYNC_PORT: String(ports[0]) };
  }

  function startShell(script: string, settings: Readonly<Record<string, string>>): Shell {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: app(),
      // A group of its own, so that a signal reaches every program that the shell has started.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...readersEnvironment(),
        npm_config_prefer_offline: 'true',
        npm_config_audit: 'false',
        // Each command is a start of its own.
        NODE_COMPILE_CACHE: join(folder, 'compiled'),
        ...settings,
      },
    });
    const shell: Shell = { child, output: '', ended: new Promise((done) => child.once('close', done)) };
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        shell.output += text;
      });
    return shell;
  }

  it('makes a project by npx tributary init that keeps its types and passes its test', async () => {
    const made = await ended(startShell('node_modules/.bin/tributary init made && cd made && npm test', {}));
    expect(made.status, made.output).toBe(0);
    expect(made.output).toMatch(/pass 1\n/);
    expect(JSON.parse(readFileSync(join(app(), 'made', 'package.json'), 'utf8')).dependencies).toEqual({
      tributary: 'file:../../tributary-0.1.0.tgz',
    });
    expect(existsSync(join(app(), 'made', 'sync.ts'))).toBe(true);
    const options = { module: 'nodenext', target: 'es2024', strict: true, noEmit: true, types: ['node'] };
    const config = {
      compilerOptions: {
        ...options,
        allowImportingTsExtensions: true,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: ['**/*.ts'],
    };
    writeFileSync(join(app(), 'tsconfig.json'), JSON.stringify(config));
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const checked = await ended(startShell(`node ${compiler} -p .`, {}));
    expect(checked.status, checked.output).toBe(0);
  });

  it('lets a project import every entry, and nothing else', async () => {
    const load = (name: string) =>
      ended(startShell(`node -e "await import('${name}')" --input-type=module`, {}));
    const entries = ['', '/kafka', '/mysql', '/sqlite', '/http', '/testing'].map(
      (entry) => `tributary${entry}`,
    );
    const loaded = await Promise.all([...entries, 'tributary/dist/public/index.js'].map(load));
    expect(loaded.slice(0, -1)).toEqual(entries.map(() => ({ status: 0, output: '' })));
    expect(loaded.at(-1)?.output).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('starts every program from JavaScript', async () => {
    const names = ['order-sync', 'order-mgt', 'event-producer', 'tributary'];
    const started = names.map((name) => ended(startShell(`node_modules/.bin/${name} --version`, {})));
    for (const [index, { output }] of (await Promise.all(started)).entries())
      expect(output).toBe(`${names[index]} 0.1.0\n`);
  });
});

async function ended(shell: Shell): Promise<{ readonly status: number | null; readonly output: string }> {
  return { status: await shell.ended, output: shell.output };
}

function interrupt(child: ChildProcess): void {
  const isRunning = child.exitCode === null && child.signalCode === null;
  if (child.pid !== undefined && isRunning) process.kill(-child.pid, 'SIGINT');
}
