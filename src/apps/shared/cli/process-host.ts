import type { CliHost } from './spec.ts';

/** What the program that runs takes from its process. Only the mains of the apps and `runSync` call this. */
export function processHost(): CliHost {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: process,
    exit: (code) => process.exit(code),
  };
}
