import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('order-sync tells the age of the oldest unread record within a second, on the embedded log', async () => {
  const script = join(import.meta.dirname, 'lag.ts');
  const options = ['--log', 'embedded', '--database', 'embedded', '--deliveries', '20000'];
  const check = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...options]);
  let out = '';
  let progress = '';
  check.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  check.stderr.on('data', (chunk: Buffer) => (progress += chunk.toString()));
  await new Promise((resolve) => check.once('close', resolve));
  const figures = JSON.parse(/^RESULT (.*)$/m.exec(out)?.[1] ?? '{}') as Record<string, unknown>;
  expect(figures, progress).toMatchObject({ wrong: 0, compared: expect.any(Number) });
  expect(figures.worst_error_seconds).toBeLessThan(1);
}, 120_000);
