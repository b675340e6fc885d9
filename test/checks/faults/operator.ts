/** Runs commands of order-sync as an operator does, as docs/operations.md describes. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BARE_ENVIRONMENT } from '../../helpers/bare-environment.ts';
import type { Stage } from './stage.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
const TIMEOUT_MS = 60_000;

/** Runs `order-sync <args>` with the stage's settings, and returns its output and its exit code. */
export async function orderSyncCommand(
  stage: Stage,
  args: readonly string[],
): Promise<{ readonly code: number; readonly text: string }> {
  const command = ['--disable-warning=ExperimentalWarning', 'src/apps/order-sync/main.ts', ...args];
  const env = { ...BARE_ENVIRONMENT, ...stage.settings() };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, command, {
      cwd: repository,
      env,
      timeout: TIMEOUT_MS,
    });
    return { code: 0, text: `${stdout}${stderr}`.trim() };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: code ?? -1, text: `${stdout ?? ''}${stderr ?? String(error)}`.trim() };
  }
}

/** Resumes a halted partition at this offset, or at `earliest`, and returns the output as a sentence. */
export async function resume(stage: Stage, place: string, at: string): Promise<string> {
  const reason = 'decided by the check';
  const { code, text } = await orderSyncCommand(stage, ['resume', place, '--at', at, '--reason', reason]);
  return `order-sync resume ${place} --at ${at} ended with ${code}: ${text}`;
}
