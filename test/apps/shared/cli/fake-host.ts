import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import type { CliHost } from '../../../../src/apps/shared/cli/spec.ts';

/** A stream that collects the text that is written to it. */
export class Collector extends Writable {
  text = '';
  isTTY = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface FakeHost extends CliHost {
  readonly stdout: Collector;
  readonly stderr: Collector;
  readonly signals: EventEmitter;
  /** The codes that `exit` was called with. */
  readonly exits: number[];
}

/** A host for a program that runs inside the process of the test. */
export function fakeHost(argv: readonly string[], env: Record<string, string> = {}): FakeHost {
  const exits: number[] = [];
  return {
    argv,
    env,
    stdin: new PassThrough(),
    stdout: new Collector(),
    stderr: new Collector(),
    signals: new EventEmitter(),
    exits,
    exit: (code) => void exits.push(code),
  };
}
