import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { commandsOf } from '../../../../src/apps/order-sync/commands/index.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import type { FakeHost } from '../../shared/cli/fake-host.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';

/** Runs a command of order-sync on a data directory. */
export async function orderSyncIn(
  folder: string,
  argv: readonly string[],
  env: Record<string, string> = {},
  prepare: (host: FakeHost) => void = () => {},
): Promise<{ readonly code: number; readonly out: string; readonly error: string }> {
  const host = fakeHost(argv, { TRIBUTARY_DATA_DIR: folder, LOG_LEVEL: 'error', ...env });
  prepare(host);
  const commands = commandsOf(systemClock);
  const examples = [['order-sync', 'Sync']] as const;
  const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples, commands }, host);
  return { code, out: host.stdout.text, error: host.stderr.text };
}
