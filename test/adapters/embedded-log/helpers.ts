import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  type EmbeddedLog,
  type EmbeddedLogOptions,
  openEmbeddedLog,
} from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { eventually, TestMember } from '../../contract/event-log-harness.ts';

/** A test fails when a step takes longer than this. No test depends on the speed of the machine. */
export const timeoutMs = 30_000;

/** A folder that is deleted when the test ends. */
export async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-log-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** A log that is closed when the test ends. */
export function openLog(dataDir: string, options: Partial<EmbeddedLogOptions> = {}): EmbeddedLog {
  const log = openEmbeddedLog({ dataDir, clock: systemClock, ...options });
  onTestFinished(() => log.close());
  return log;
}

export async function startMember(
  log: EmbeddedLog,
  topic: string,
  options: ConstructorParameters<typeof TestMember>[2] = {},
): Promise<TestMember> {
  const consumer = log.consumer({ group: 'members', topics: [topic], maxBufferedBytes: 1 << 20 });
  return new TestMember(consumer, timeoutMs, options).start();
}

export interface ChildMessage {
  readonly acknowledged?: readonly [partition: number, offset: number, value: string][];
  readonly ready?: boolean;
  readonly assigned?: number[];
  readonly revoked?: number[];
  readonly lost?: number[];
}

/** A process that runs `child.ts`. It is killed when the test ends. */
export class Child {
  readonly process: ChildProcess;
  readonly messages: ChildMessage[] = [];
  readonly #exited: Promise<unknown>;
  #errors = '';

  constructor(...args: readonly string[]) {
    const script = fileURLToPath(new URL('./child.ts', import.meta.url));
    this.process = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#exited = once(this.process, 'close');
    const { stdout, stderr } = this.process;
    if (stdout !== null) {
      createInterface({ input: stdout }).on('line', (line) =>
        this.messages.push(JSON.parse(line) as ChildMessage),
      );
    }
    stderr?.on('data', (chunk) => {
      this.#errors += String(chunk);
    });
    onTestFinished(async () => {
      this.process.kill('SIGKILL');
      await this.#exited;
    });
  }

  async until(condition: (messages: readonly ChildMessage[]) => boolean, expectation: string): Promise<void> {
    await eventually(
      () => condition(this.messages),
      timeoutMs,
      () => `${expectation}; the child said ${JSON.stringify(this.messages.slice(-5))} ${this.#errors}`,
    );
  }

  async exited(): Promise<number | null> {
    await this.#exited;
    if (this.#errors !== '') throw new Error(`The child said: ${this.#errors}`);
    return this.process.exitCode;
  }
}
