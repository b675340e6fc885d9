// Finds and runs programs of the machine.

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

/** Folders that are searched after PATH, because an ordinary user's PATH often lacks the folders of servers. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/libexec', '/opt/homebrew/bin', '/usr/local/bin'];

export function findProgram(name: string, path: string): string | undefined {
  for (const folder of [...path.split(delimiter), ...serverFolders]) {
    if (folder === '') continue;
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // This folder does not have the program, so the search goes on with the next one.
    }
  }
  return undefined;
}

/** Runs a program to its end. If it fails, the error has its name, its exit code and the end of its output. */
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
    // A program may end without reading all of its input. Its exit code tells whether that was a failure.
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
    child.once('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.once('close', (code, signal) => {
      const result = {
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      };
      if (code === 0) return resolve(result);
      // Long arguments, such as a class path, are left out of the message.
      const shown = commandArguments.map((each) => (each.length > 200 ? '…' : each)).join(' ');
      const said = (result.stderr || result.stdout).trim().slice(-2_000);
      reject(new Error(`${command} ${shown} ended with ${signal ?? code}: ${said}`));
    });
  });
}
