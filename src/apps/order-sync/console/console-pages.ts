import { messageOf } from '../../../core/errors.ts';
import type { Logger } from '../../../ports/logger.ts';
import { type BuiltConsole, buildConsole, type ConsolePlace } from './console-build.ts';
import { type ConsoleFiles, loadConsoleFiles, withData } from './console-files.ts';

/** The files of the console, or why there are none. */
export type LoadedConsole =
  | { readonly kind: 'loaded'; readonly files: ConsoleFiles }
  | { readonly kind: 'missing'; readonly reason: string };

/** Gives the files of the console to a server. */
export interface ConsoleSource {
  /** Waits for a build that is under way. Never rejects. */
  files(): Promise<LoadedConsole>;
}

/** The source of a server that has no console. */
export const NO_CONSOLE: ConsoleSource = {
  files: async () => ({ kind: 'missing', reason: 'this server was started without it' }),
};

/** The console of one running server: built in the background, and read into memory for the first request. */
export class ConsolePages implements ConsoleSource {
  readonly #place: ConsolePlace;
  readonly #logger: Logger;
  readonly #data: Readonly<Record<string, string>>;
  readonly #stopped = new AbortController();
  #built: Promise<BuiltConsole> | null = null;
  #loaded: Promise<LoadedConsole> | null = null;

  /** `data`: what the document says to its script. */
  constructor(place: ConsolePlace, logger: Logger, data: Readonly<Record<string, string>> = {}) {
    this.#place = place;
    this.#logger = logger;
    this.#data = data;
  }

  /** Begins to find or build the console, once. Resolves when that is done. Never rejects. */
  built(): Promise<BuiltConsole> {
    this.#built ??= this.#build();
    return this.#built;
  }

  files(): Promise<LoadedConsole> {
    this.#loaded ??= this.#load();
    return this.#loaded;
  }

  /** Ends a build that is under way. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#built;
  }

  async #build(): Promise<BuiltConsole> {
    const built = await buildConsole(this.#place, { signal: this.#stopped.signal });
    if (built.kind === 'missing' && !this.#stopped.signal.aborted)
      this.#logger('warn', `The pages of the console are not there: ${built.reason}`);
    return built;
  }

  async #load(): Promise<LoadedConsole> {
    const built = await this.built();
    if (built.kind === 'missing') return built;
    try {
      return { kind: 'loaded', files: await withData(await loadConsoleFiles(built.folder), this.#data) };
    } catch (error) {
      return { kind: 'missing', reason: `its files cannot be read (${messageOf(error)})` };
    }
  }
}
