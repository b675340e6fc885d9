/** Starts the process of the hostile target, and reads its record. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningCheck } from './command.ts';
import type { TargetNote } from './hostile-behaviour.ts';

export interface HostileTarget {
  readonly url: string;
  /** Returns all lines of the record so far, in sequence. */
  notes(): TargetNote[];
}

/** Starts the target, which ends with the check. With a key and a certificate it uses TLS. */
export async function startHostileTarget(
  check: RunningCheck,
  folder: string,
  { label, tls }: { readonly label: string; readonly tls?: { readonly key: string; readonly cert: string } },
): Promise<HostileTarget> {
  const record = join(folder, `${label}.jsonl`);
  closeSync(openSync(record, 'a'));
  const files = tls === undefined ? {} : { keyFile: tls.key, certFile: tls.cert };
  const child = fork(join(import.meta.dirname, 'hostile-server.ts'), [JSON.stringify({ record, ...files })], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  check.defer(() => {
    child.kill('SIGKILL');
  });
  const [port] = await once(child, 'message', { signal: check.signal });
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/api/orders`,
    notes: () =>
      readFileSync(record, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as TargetNote),
  };
}
