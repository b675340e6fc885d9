// `npm test` runs this file. It checks the types and the style, then runs every test on real services. Its last line is
// `N passed, N failed, N skipped`. The lines before it name the skipped tests and the services that it used.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildConsole, CONSOLE_PLACE } from '../src/apps/order-sync/console/console-build.ts';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const root = join(import.meta.dirname, '..');
const modules = join(root, 'node_modules');
const scratch = mkdtempSync(join(tmpdir(), 'tributary-test-'));
const reportFile = join(scratch, 'report.json');
const servicesFile = join(scratch, 'services.txt');

let passed = 0;
let failed = 0;
let skipped = 0;

// The programs of the tests find the console built, so that none of them builds it beside what it measures.
await Promise.all([
  step('the types hold (tsc --noEmit)', [join(modules, 'typescript', 'bin', 'tsc'), '--noEmit']),
  step("the console's types hold (tsc --noEmit -p console)", [
    join(modules, 'typescript', 'bin', 'tsc'),
    '--noEmit',
    '-p',
    'console',
  ]),
  step('the style holds (biome check)', [join(modules, '@biomejs', 'biome', 'bin', 'biome'), 'check', '.']),
  buildConsole(CONSOLE_PLACE).then((pages) =>
    note(pages.kind === 'built', `the console builds${pages.kind === 'built' ? '' : `: ${pages.reason}`}`),
  ),
]);

const vitest = spawnSync(
  process.execPath,
  [
    join(modules, 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      TEST_SERVICES_REPORT: servicesFile,
      // The brokers of the tests live for a minute or a few. Optimising their code costs more than it gives back.
      JDK_JAVA_OPTIONS: `-XX:TieredStopAtLevel=1 ${process.env.JDK_JAVA_OPTIONS ?? ''}`.trim(),
    },
  },
);
count(readReport(), vitest.status);

const services = readText(servicesFile);
rmSync(scratch, { recursive: true, force: true });
console.log('');
console.log(services ?? 'real services: none were started');
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** Runs a command beside the others, and prints what it said when it has ended. */
async function step(name: string, command: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  process.stdout.write(Buffer.concat(said));
  note(status === 0, name);
}

function note(isOk: boolean, name: string): void {
  if (isOk) passed++;
  else failed++;
  console.log(`${isOk ? 'ok' : 'FAILED'}: ${name}`);
}

function count(report: Report | null, status: number | null): void {
  if (report === null) {
    console.log('FAILED: the test runner ended without a report');
    failed++;
    return;
  }
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  for (const file of report.testResults) {
    // A file that could not be loaded reports no failed test, so the file counts as one failure.
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
      failed++;
      console.log(`FAILED: ${file.name}: ${file.message}`);
    }
    for (const test of file.assertionResults) {
      if (test.status === 'pending' || test.status === 'todo' || test.status === 'skipped') {
        console.log(`skipped: ${test.fullName}`);
      }
    }
  }
  // An error outside all tests, such as an unhandled rejection or a failed setup, shows only in the exit code.
  if (status !== 0 && failed === 0) {
    console.log('FAILED: the test runner reported an error outside the tests: see above');
    failed++;
  }
}

function readReport(): Report | null {
  const text = readText(reportFile);
  return text === null ? null : (JSON.parse(text) as Report);
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}
