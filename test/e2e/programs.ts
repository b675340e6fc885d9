import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { programFlags } from '../helpers/program-flags.ts';

const repository = join(import.meta.dirname, '..', '..');
const node = join(repository, 'node_modules', 'node', 'bin', 'node');
export const WAITING = { timeout: 120_000, interval: 50 };

/** These variables of the test's own environment are not handed on to the programs. */
const OWN_SETTINGS =
  /^(ORDER_SYNC_|ORDER_MGT_|EVENT_PRODUCER_|TRIBUTARY_|KAFKA_|TEST_|DATABASE_(URL|TLS)|PORT$|ORDER_TOPIC$|PAYMENT_TOPIC$|LOG_LEVEL$)/;

export type Settings = Readonly<Record<string, string>>;
export type App = 'start' | 'order-sync' | 'order-mgt' | 'event-producer';

/** A program in a process of its own. It is killed when the test ends. */
export class Program {
  readonly #child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  stdout = '';
  stderr = '';

  /** Starts the program. With `user` it runs under that user id, which only root may do. */
  constructor(app: App, settings: Settings, given: readonly string[] = [], user?: number) {
    const inherited = Object.entries(process.env).filter(([name]) => !OWN_SETTINGS.test(name));
    const script = join(repository, 'src', 'apps', app, 'main.ts');
    this.#child = spawn(node, [...programFlags(), script, ...given], {
      env: { ...(Object.fromEntries(inherited) as Record<string, string>), ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(user === undefined ? {} : { uid: user, gid: user }),
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
    onTestFinished(() => this.kill());
  }

  /** Sends SIGKILL, and waits until the process has ended. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Sends SIGSTOP: the process does nothing until `letGoOn`. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Sends SIGCONT: a frozen process goes on. */
  letGoOn(): void {
    this.#child.kill('SIGCONT');
  }

  /** Sends SIGTERM, waits until the process has ended, and returns its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return (await this.exited).code;
  }

  /** Resolves when the program answers `/readyz` on this port. */
  async ready(port: number): Promise<this> {
    let ended = false;
    void this.exited.then(() => {
      ended = true;
    });
    await vi.waitFor(async () => {
      if (!ended) {
        const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
        await answer.arrayBuffer();
        if (answer.ok) return;
      }
      throw new Error(`${ended ? 'It ended' : 'Not ready'}: ${this.stderr.slice(-2_000)}`);
    }, WAITING);
    return this;
  }
}

/** Runs the program to its end, and returns what it printed to stdout. Rejects if the exit code is not 0. */
export async function runProgram(app: App, settings: Settings, given: readonly string[]): Promise<string> {
  const program = new Program(app, settings, given);
  const { code } = await program.exited;
  if (code !== 0) throw new Error(`${app} ended by ${code}: ${program.stderr.slice(-2_000)}`);
  return program.stdout;
}

/** Makes a folder that is deleted when the test ends. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Asks order-mgt for the order; null if order-mgt does not have it. */
export async function orderAt(port: number, orderId: string): Promise<Record<string, unknown> | null> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/orders/${encodeURIComponent(orderId)}`);
  if (answer.status === 404) {
    await answer.arrayBuffer();
    return null;
  }
  return (await answer.json()) as Record<string, unknown>;
}
