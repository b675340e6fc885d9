import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** Takes the write lock, prints "locked", and releases the lock when it reads anything from its standard input. */
const SCRIPT = `
  import { DatabaseSync } from 'node:sqlite';
  const database = new DatabaseSync(process.argv[1], { timeout: 5000 });
  database.exec('BEGIN IMMEDIATE');
  console.log('locked');
  process.stdin.once('data', () => { database.exec('ROLLBACK'); process.exit(); });
`;

/** A process that holds the write lock of an SQLite file. It is killed when the test ends. */
export class LockProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(file: string): Promise<LockProcess> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const holder = new LockProcess(child);
    onTestFinished(() => holder.kill());
    await createInterface(child.stdout as NodeJS.ReadableStream)
      [Symbol.asyncIterator]()
      .next();
    return holder;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  stop(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Continues the stopped process, and waits until it has released the lock and ended. */
  async letGoOn(): Promise<void> {
    this.#child.stdin?.write('let go\n');
    this.#child.kill('SIGCONT');
    await once(this.#child, 'exit');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
