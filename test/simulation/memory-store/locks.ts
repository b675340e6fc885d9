import { TributaryError } from '../../../src/core/errors.ts';
import type { Clock } from '../../../src/ports/clock.ts';

/** `shared` locks of several transactions go together; an `exclusive` one goes with no other. */
export type LockMode = 'shared' | 'exclusive';

/** What holds locks and waits for them. */
export interface LockOwner {
  /** The locks that it holds, by name. */
  readonly held: Map<string, LockMode>;
  /** The lock for which it waits; null if it does not wait. */
  waiting: Waiter | null;
}

interface Waiter {
  readonly owner: LockOwner;
  readonly name: string;
  readonly mode: LockMode;
  granted(): void;
  refused(error: TributaryError): void;
}

interface Lock {
  readonly holders: Set<LockOwner>;
  mode: LockMode;
  readonly queue: Waiter[];
}

/**
 * The locks of a database: of rows, of tables that are exchanged, and named ones. Each is granted in the sequence in
 * which it was asked for. Nobody waits in a circle: the request that would close one is refused at once with
 * `store_busy`, as a deadlock is.
 */
export class Locks {
  readonly #locks = new Map<string, Lock>();

  /**
   * Gives the lock to the owner until `release`. Answers undefined if it has the lock now, and else a promise, which
   * rejects with `store_busy` once the owner has waited for `waitMs`.
   */
  take(
    owner: LockOwner,
    name: string,
    mode: LockMode,
    clock: Clock,
    waitMs: number,
  ): Promise<void> | undefined {
    const held = owner.held.get(name);
    if (held === 'exclusive' || held === mode) return undefined;
    const lock = this.#locks.get(name);
    if (lock === undefined) {
      this.#locks.set(name, { holders: new Set([owner]), mode, queue: [] });
      owner.held.set(name, mode);
      return undefined;
    }
    const isFirst = held !== undefined || lock.queue.length === 0;
    if (isFirst && fits(lock, owner, mode)) {
      grant(lock, owner, name, mode);
      return undefined;
    }
    if (waitMs <= 0) return Promise.reject(busy(name, 0));
    return this.#wait(lock, owner, name, mode, clock, waitMs);
  }

  /** Takes all locks from the owner. Whoever waits for one of them gets it. */
  release(owner: LockOwner): void {
    for (const name of owner.held.keys()) {
      const lock = this.#locks.get(name);
      if (lock === undefined) continue;
      lock.holders.delete(owner);
      this.#handOn(name, lock);
    }
    owner.held.clear();
  }

  /** Ends the owner's wait with this error. */
  stopWaiting(owner: LockOwner, error: TributaryError): void {
    owner.waiting?.refused(error);
  }

  async #wait(
    lock: Lock,
    owner: LockOwner,
    name: string,
    mode: LockMode,
    clock: Clock,
    waitMs: number,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const over = new AbortController();
    const leave = () => {
      owner.waiting = null;
      over.abort();
    };
    const waiter: Waiter = {
      owner,
      name,
      mode,
      granted: () => {
        leave();
        resolve();
      },
      refused: (error) => {
        leave();
        lock.queue.splice(lock.queue.indexOf(waiter), 1);
        this.#handOn(name, lock);
        reject(error);
      },
    };
    // A transaction that turns its shared lock into an exclusive one goes before those that have none.
    if (owner.held.has(name)) lock.queue.unshift(waiter);
    else lock.queue.push(waiter);
    owner.waiting = waiter;
    if (this.#waitsForItself(owner)) waiter.refused(deadlock(name));
    else
      void clock.sleep(waitMs, over.signal).then(() => {
        if (owner.waiting === waiter) waiter.refused(busy(name, waitMs));
      });
    return promise;
  }

  #handOn(name: string, lock: Lock): void {
    for (;;) {
      const next = lock.queue[0];
      if (next === undefined || !fits(lock, next.owner, next.mode)) break;
      lock.queue.shift();
      grant(lock, next.owner, name, next.mode);
      next.granted();
    }
    if (lock.holders.size === 0 && lock.queue.length === 0) this.#locks.delete(name);
  }

  #waitsForItself(owner: LockOwner): boolean {
    const seen = new Set<LockOwner>();
    const next = [owner];
    for (let one = next.pop(); one !== undefined; one = next.pop()) {
      const { waiting } = one;
      if (waiting === null) continue;
      for (const other of this.#before(waiting)) {
        if (other === owner) return true;
        if (seen.has(other)) continue;
        seen.add(other);
        next.push(other);
      }
    }
    return false;
  }

  /** Those that have to end before this one gets its lock. */
  #before({ name, owner, mode }: Waiter): LockOwner[] {
    const lock = this.#locks.get(name);
    if (lock === undefined) return [];
    const found = [...lock.holders].filter((holder) => holder !== owner);
    for (const other of lock.queue) {
      if (other.owner === owner) break;
      if (mode === 'exclusive' || other.mode === 'exclusive') found.push(other.owner);
    }
    return found;
  }
}

function fits({ holders, mode }: Lock, owner: LockOwner, asked: LockMode): boolean {
  if (holders.size === 0 || (holders.size === 1 && holders.has(owner))) return true;
  return mode === 'shared' && asked === 'shared';
}

function grant(lock: Lock, owner: LockOwner, name: string, mode: LockMode): void {
  lock.mode = mode;
  lock.holders.add(owner);
  owner.held.set(name, mode);
}

function busy(name: string, waitMs: number): TributaryError {
  return new TributaryError(
    'store_busy',
    `The simulated database gave up waiting for the lock of ${name} after ${waitMs} ms; the work is done again.`,
  );
}

function deadlock(name: string): TributaryError {
  return new TributaryError(
    'store_busy',
    `The simulated database found a deadlock at the lock of ${name}; the work is done again.`,
  );
}
