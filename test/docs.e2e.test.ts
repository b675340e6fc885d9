// Runs each block of a page that is marked ```sh run in a shell, from the top of the page to its end, as a reader
// would. If a ```text block follows, the command must print its lines; docs/ARCHITECTURE.md says how they are
// compared. The test puts its own data directory and ports in place of .tributary, localhost:3000 and localhost:3001.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './services/index.ts';
import { missingLine, runnableBlocksOf } from './tidy/doc-blocks.ts';

const root = join(import.meta.dirname, '..');
const PAGES = [
  'README.md',
  'docs/being-a-target.md',
  'docs/from-the-original.md',
  'docs/operations.md',
  'docs/runbook.md',
  'docs/your-own-domain.md',
];
const PATIENCE_MS = 60_000;

/** These variables of the environment are not handed on: a reader of the pages has not set them. */
const OWN_SETTINGS =
  /^(ORDER_SYNC_|ORDER_MGT_|EVENT_PRODUCER_|TRIBUTARY_|KAFKA_|DATABASE_URL$|PORT$|ORDER_TOPIC$|PAYMENT_TOPIC$|LOG_LEVEL$)/;

interface Shell {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly output: () => string;
}

const hasTools = ['bash', 'curl'].every((tool) => spawnSync(tool, ['--version']).status === 0);

describe.skipIf(!hasTools)('the commands of the pages (they need bash and curl)', () => {
  it('include at least three runnable blocks of README.md', () => {
    expect(runnableBlocksOf(readFileSync(join(root, 'README.md'), 'utf8')).length).toBeGreaterThan(2);
  });

  const pages = PAGES.map(
    (page) => [page, runnableBlocksOf(readFileSync(join(root, page), 'utf8'))] as const,
  );
  describe.each(pages.filter(([, blocks]) => blocks.length > 0))('%s', (page, blocks) => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-docs-'));
    const running: Shell[] = [];
    let ports = { orderSync: 0, orderMgt: 0 };

    beforeAll(async () => {
      ports = { orderSync: await freePort(), orderMgt: await freePort() };
    });

    afterAll(async () => {
      for (const { child } of running) interrupt(child);
      await Promise.all(running.map(({ ended }) => ended));
      rmSync(folder, { recursive: true, force: true });
    });

    const own = (text: string) =>
      text
        .replaceAll('.tributary', join(folder, 'data'))
        .replace(/\b(localhost|127\.0\.0\.1):3000\b/g, `127.0.0.1:${ports.orderSync}`)
        .replace(/\b(localhost|127\.0\.0\.1):3001\b/g, `127.0.0.1:${ports.orderMgt}`);

    it.each(blocks.map((block) => [`line ${block.line}: ${block.script.split('\n')[0]}`, block] as const))(
      `${page}, %s`,
      async (_name, block) => {
        const shell = startShell(own(block.script), {
          TRIBUTARY_DATA_DIR: join(folder, 'data'),
          ORDER_SYNC_PORT: String(ports.orderSync),
          ORDER_MGT_PORT: String(ports.orderMgt),
          ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${ports.orderMgt}/api/orders`,
        });
        if (block.isBackground) {
          running.push(shell);
          await untilPrinted(shell, own(block.expected ?? ''));
          return;
        }
        const status = await shell.ended;
        expect(status, shell.output()).toBe(0);
        expect(missingLine(own(block.expected ?? ''), shell.output()), shell.output()).toBeNull();
      },
      PATIENCE_MS * 2,
    );
  });
});

function startShell(script: string, settings: Readonly<Record<string, string>>): Shell {
  const inherited = Object.entries(process.env).filter(([name]) => !OWN_SETTINGS.test(name));
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: root,
    // The shell gets its own process group, so that a signal reaches every program it started, as Ctrl-C does.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...settings },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, output: () => output };
}

async function untilPrinted(shell: Shell, expected: string): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (missingLine(expected, shell.output()) !== null && performance.now() < giveUpAt) {
    if (shell.child.exitCode !== null) break;
    await sleep(50);
  }
  expect(missingLine(expected, shell.output()), shell.output()).toBeNull();
}

function interrupt(child: ChildProcess): void {
  const isRunning = child.exitCode === null && child.signalCode === null;
  if (child.pid !== undefined && isRunning) process.kill(-child.pid, 'SIGINT');
}
