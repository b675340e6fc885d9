import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { Logger } from '../../../ports/logger.ts';
import type { Shutdown } from '../process/shutdown.ts';
import type { ProgramName, SettingsOf } from '../settings/load.ts';
import type { Output } from './output.ts';

/** What a program takes from its process; only its main reads the environment. */
export interface CliHost {
  /** Without the names of Node and of the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  readonly exit: (code: number) => void;
}

/** What a command works with. `shutdown` is stopped for it after it has returned or thrown. */
export interface CommandContext<Program extends ProgramName> {
  readonly settings: SettingsOf<Program>;
  readonly output: Output;
  readonly logger: Logger;
  readonly shutdown: Shutdown;
  readonly host: CliHost;
  /** No progress and no notes. */
  readonly isQuiet: boolean;
  /** Tells people a sentence on stderr, unless they want none. */
  readonly note: (sentence: string) => void;
}

/** Two to four complete command lines, each with what it does. */
export type CommandExamples = readonly (readonly [line: string, meaning: string])[];

export interface CommandSpec<Program extends ProgramName> {
  /** The word that stands before the name, as `keys` does in `keys make`; commands may share it. */
  readonly group?: { readonly name: string; readonly summary: string };
  readonly name: string;
  readonly summary: string;
  readonly examples: CommandExamples;
  /** As commander writes them: `<file>`, `[pairs...]`. */
  readonly arguments?: readonly (readonly [syntax: string, help: string])[];
  readonly options?: readonly (readonly [flags: string, help: string])[];
  /** Run when the command line names no command. */
  readonly isDefault?: boolean;
  /** Resolves with the exit code. `options` are those of the spec, by camelCase name. */
  run(context: CommandContext<Program>, input: CommandInput): Promise<number>;
}

export interface CommandInput {
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

export interface CliSpec<Program extends ProgramName> {
  readonly program: Program;
  readonly summary: string;
  readonly examples: CommandExamples;
  readonly commands: readonly CommandSpec<Program>[];
}
