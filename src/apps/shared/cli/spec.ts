import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { Logger } from '../../../ports/logger.ts';
import type { Shutdown } from '../process/shutdown.ts';
import type { ProgramName, SettingEntry, SettingsOf } from '../settings/load.ts';
import type { Synced } from '../settings/synced.ts';
import type { Output } from './output.ts';

/** What a program takes from its process. Only its main.ts reads the environment. */
export interface CliHost {
  /** The words of the command line, without Node and the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  readonly exit: (code: number) => void;
}

/** What a command works with. After the command has returned or thrown, `shutdown` is stopped. */
export interface CommandContext<Program extends ProgramName> {
  readonly settings: SettingsOf<Program>;
  /** The settings as people may see them, each with its source. */
  readonly settingEntries: readonly SettingEntry[];
  readonly output: Output;
  readonly logger: Logger;
  readonly shutdown: Shutdown;
  readonly host: CliHost;
  /** Whether the command writes no progress and no notes. */
  readonly isQuiet: boolean;
  /** Writes a sentence for people to stderr, unless `isQuiet`. */
  readonly note: (sentence: string) => void;
}

/** Two to four complete command lines, each with its meaning. */
export type CommandExamples = readonly (readonly [line: string, meaning: string])[];

export interface CommandSpec<Program extends ProgramName> {
  /** The word before the name, as `keys` in `keys make`. Several commands may share it. */
  readonly group?: { readonly name: string; readonly summary: string };
  readonly name: string;
  readonly summary: string;
  readonly examples: CommandExamples;
  /** Arguments in commander's syntax: `<file>`, `[pairs...]`. */
  readonly arguments?: readonly (readonly [syntax: string, help: string])[];
  readonly options?: readonly (readonly [flags: string, help: string])[];
  /** Whether the command runs when the command line names none. */
  readonly isDefault?: boolean;
  /** Resolves with the exit code. `input.options` has the options of the spec, by camelCase name. */
  run(context: CommandContext<Program>, input: CommandInput): Promise<number>;
}

export interface CommandInput {
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/** The domain of somebody else that a program runs for, in the place of the orders. */
export interface CliSubject {
  readonly synced: Synced;
  /** The words that start the program, as in `node sync.ts`. */
  readonly invocation: string;
  /** Values that the program chooses, by the names of the variables. */
  readonly chosen: Readonly<Record<string, string>>;
}

export interface CliSpec<Program extends ProgramName> {
  readonly program: Program;
  /** Default: the program works on orders. */
  readonly subject?: CliSubject;
  readonly summary: string;
  readonly examples: CommandExamples;
  readonly commands: readonly CommandSpec<Program>[];
}
