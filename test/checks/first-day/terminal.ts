// Types commands into pseudo-terminals, which util-linux' `script` makes, or Python on machines without it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

/** The Python program in place of `script`. Like `script -e` it returns the exit code of the command. */
const BY_PYTHON =
  'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(["bash", "-c", sys.argv[1]])))';

type Wrap = (line: string) => readonly [program: string, ...words: string[]];

/** Returns the function that wraps a line for a terminal on this machine; null without `script` and Python. */
export function terminalOfThisMachine(): Wrap | null {
  const has = (program: string, ...words: string[]) => spawnSync(program, words).status === 0;
  if (has('script', '-qefc', 'true', '/dev/null')) return (line) => ['script', '-qefc', line, '/dev/null'];
  if (has('python3', '-c', 'import pty')) return (line) => ['python3', '-c', BY_PYTHON, line];
  return null;
}

/** A typed line, and the output on its terminal. */
export class Typed {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  hasEnded = false;
  #shown = '';

  constructor(wrap: Wrap, line: string, cwd: string, env: Readonly<Record<string, string>>) {
    const [program, ...words] = wrap(line);
    this.#child = spawn(program, words, { cwd, env: { ...env, SHELL: '/bin/bash' }, stdio: 'pipe' });
    const take = (chunk: Buffer) => {
      this.#shown += chunk.toString('utf8');
    };
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', take);
    this.#child.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        this.hasEnded = true;
        resolve(code);
      });
    });
  }

  /** The output without colours and carriage returns. */
  get shown(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals print these.
    return this.#shown.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
  }

  get hasColors(): boolean {
    return this.#shown.includes('\u001b[');
  }

  /** Types Ctrl-C, which the terminal turns into SIGINT. */
  interrupt(): void {
    this.#child.stdin?.write('\u0003');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
