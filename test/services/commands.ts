// Finding and running programs of the machine.

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly stdin?: string | Buffer | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Servers are often outside of an ordinary user's PATH. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/libexec', '/opt/homebrew/bin', '/usr/local/bin'];

export function findProgram(name: string, path: string): string | undefined {
  for (const folder of [...path.split(delimiter), ...serverFolders]) {
    if (folder === '') continue;
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not here: the next folder.
    }
  }
  return undefined;
}

/** Runs a program to its end. Rejects when it fails, with its name, exit code and the end of what it said. */
export function run(
  command: string,
  commandArguments: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, commandArguments, {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A program that ends without reading all of its input says so by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
    child.once('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.once('close', (code, signal) => {
      const result = {
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      };
      if (code === 0) return resolve(result);
      // A class path has no place in a message.
      const shown = commandArguments.map((each) => (each.length > 200 ? '…' : each)).join(' ');
      const said = (result.stderr || result.stdout).trim().slice(-2_000);
      reject(new Error(`${command} ${shown} ended with ${signal ?? code}: ${said}`));
    });
  });
}
