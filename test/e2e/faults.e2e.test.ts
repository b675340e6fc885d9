import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..', '..');

interface Result {
  readonly scenarios: Readonly<Record<string, { readonly ok: boolean; readonly wrong: readonly string[] }>>;
}

/** Runs scenarios of `npm run check:faults` on the embedded log and SQLite, and returns the figures of its last line. */
async function check(scenarios: readonly string[]): Promise<Result> {
  const script = join(repository, 'test', 'checks', 'faults.ts');
  const options = ['--scenario', scenarios.join(','), '--database', 'sqlite', '--events', '600'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  await once(child, 'close');
  return JSON.parse(output.slice(output.lastIndexOf('RESULT ') + 'RESULT '.length)) as Result;
}

describe('check:faults without servers', () => {
  it('finds only the orders wrong that the fault itself struck', async () => {
    const { scenarios } = await check(['unfoldable', 'one-bad-of-256']);
    expect(Object.entries(scenarios).map(([name, figures]) => [name, figures.wrong])).toEqual([
      ['unfoldable', []],
      ['one-bad-of-256', []],
    ]);
  });
});
