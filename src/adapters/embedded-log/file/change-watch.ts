import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '../../../ports/clock.ts';

/** How much rarer the polls are while the file watch is seen to work. */
const WATCHED_POLL_FACTOR = 25;

/**
 * Tells its listeners when another process, or another client in this one, has committed something. The
 * system's file watch tells at once; because not every file system has one, and because a process may die
 * between its commit and its sign, SQLite's own change counter is asked as well: every `pollMs`, or much more
 * rarely while the watch works (it has fired, and no poll has found before it what another client committed). Both run only
 * while somebody listens. A listener may also be called when nothing has changed for it, and must not throw.
 */
export class ChangeWatch {
  readonly #clock: Clock;
  readonly #pollMs: number;
  readonly #wakeFile: string;
  readonly #readVersion: () => number;
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #watcher: FSWatcher | null = null;
  /** Null until there is a reason to think either. */
  #watchWorks: boolean | null = null;
  #polling: AbortController | null = null;

  constructor(options: { clock: Clock; pollMs: number; wakeFile: string; readVersion: () => number }) {
    this.#clock = options.clock;
    this.#pollMs = options.pollMs;
    this.#wakeFile = options.wakeFile;
    this.#readVersion = options.readVersion;
  }

  /** Returns the function that ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#polling === null) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** For a commit of this client's own, which the change counter does not count. */
  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  close(): void {
    this.#listeners.clear();
    this.#polling?.abort();
    this.#polling = null;
    this.#stopWatching();
  }

  #start(): void {
    this.#version = this.#readVersion();
    this.#polling = new AbortController();
    void this.#poll(this.#polling.signal);
    try {
      this.#watcher = watch(this.#wakeFile, { persistent: false }, (event) => {
        // The file was moved or deleted: others will write to another one.
        if (event === 'rename') return this.#stopWatching();
        // What it told of may be this client's own commit, which proves less than another's does.
        if (this.#look()) this.#watchWorks = true;
        else this.#watchWorks ??= true;
      });
      // A watch that breaks, or could not be had, leaves the poll.
      this.#watcher.on('error', () => this.#stopWatching());
    } catch {
      this.#watcher = null;
    }
  }

  #stopWatching(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#watchWorks = null;
  }

  async #poll(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#clock.sleep(this.#pollMs * (this.#watchWorks ? WATCHED_POLL_FACTOR : 1), stop);
      if (!stop.aborted && this.#look()) this.#watchWorks = false;
    }
  }

  /** Whether there was a change. */
  #look(): boolean {
    let version: number;
    try {
      version = this.#readVersion();
    } catch {
      // Unreadable just now: whoever reads next reports it, and the next look comes soon.
      return false;
    }
    if (version === this.#version) return false;
    this.#version = version;
    this.tell();
    return true;
  }
}
