import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '../../../ports/clock.ts';

/** The polls are 25 times as rare while the file watch works. */
const WATCHED_POLL_FACTOR = 25;

/**
 * Tells its listeners when another process, or another client in this one, has committed something. The system's file
 * watch tells at once. But not every file system has one, and a process may die between its commit and its write to
 * the watched file. So SQLite's change counter is polled as well: every `pollMs`, and more rarely while the watch
 * works, which means that it has fired and no poll has found a commit before it. Both run only while there are
 * listeners. A listener may also be called when nothing has changed for it, and must not throw.
 */
export class ChangeWatch {
  readonly #clock: Clock;
  readonly #pollMs: number;
  readonly #wakeFile: string;
  readonly #readVersion: () => number;
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #watcher: FSWatcher | null = null;
  /** Null while it is unknown. */
  #watchWorks: boolean | null = null;
  #polling: AbortController | null = null;

  constructor(options: { clock: Clock; pollMs: number; wakeFile: string; readVersion: () => number }) {
    this.#clock = options.clock;
    this.#pollMs = options.pollMs;
    this.#wakeFile = options.wakeFile;
    this.#readVersion = options.readVersion;
  }

  /** Returns a function that removes the listener. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#polling === null) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** Calls the listeners after a commit of this client itself, which the change counter does not count. */
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
        // The file was moved or deleted. Other processes will write to another file.
        if (event === 'rename') return this.#stopWatching();
        // Without a change of the counter it was a commit of this client itself, which proves less than another's.
        if (this.#look()) this.#watchWorks = true;
        else this.#watchWorks ??= true;
      });
      // Without a watch, the poll goes on.
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

  /** Reads the change counter, and tells the listeners of a change. Returns whether there was one. */
  #look(): boolean {
    let version: number;
    try {
      version = this.#readVersion();
    } catch {
      // The file cannot be read at the moment. The next reader reports it, and the next look follows soon.
      return false;
    }
    if (version === this.#version) return false;
    this.#version = version;
    this.tell();
    return true;
  }
}
