import { EventEmitter } from 'node:events';
import { Writable } from 'node:stream';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { adoptCommand } from '../../../src/apps/order-sync/commands/adopt.ts';
import { runCli } from '../../../src/apps/shared/cli/cli.ts';
import type { Answer } from './outcome.ts';
import type { Place } from './place.ts';

/** Runs `order-sync adopt` inside this process, because the start of a program takes longer than most takeovers. */
export async function adopt(place: Place, folder: string, options: readonly string[]): Promise<Answer> {
  const stdout = new Collector();
  const stderr = new Collector();
  const code = await runCli(
    {
      program: 'order-sync',
      summary: 'The command "adopt" of order-sync.',
      examples: [],
      commands: [adoptCommand(systemClock)],
    },
    {
      argv: ['adopt', '--json', ...options],
      env: { DATABASE_URL: place.url, TRIBUTARY_DATA_DIR: folder },
      stdin: process.stdin,
      stdout,
      stderr,
      signals: new EventEmitter(),
      exit: () => {},
    },
  );
  const said = stdout.text + stderr.text;
  if (stdout.text === '') return { verdict: 'failed', said };
  const { verdict } = JSON.parse(stdout.text) as { verdict: Exclude<Answer['verdict'], 'failed'> };
  return { verdict: verdict === 'take' && code !== 0 ? 'failed' : verdict, said };
}

class Collector extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}
