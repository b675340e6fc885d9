import { TributaryError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';

/** `shared` locks of several transactions go together; an `exclusive` one goes with no other. */
export type LockMode = 'shared' | 'exclusive';

/** What holds locks and waits for them. */
export interface LockOwner {
  readonly held: Lock[];
  /** What it waits for; null if it does not wait. */
  waiting: Waiter | null;
}

/** A lock that somebody holds. */
interface Lock {
  readonly name: string;
  mode: LockMode;
  /** The only holder; undefined if there are several. */
  holder: LockOwner | undefined;
  /** The holders, if there are several. */
  sharers: Set<LockOwner> | undefined;
  /** Those that wait, in the sequence in which they get the lock; undefined if nobody does. */
  queue: Waiter[] | undefined;
}

interface Waiter {
  readonly owner: LockOwner;
  readonly lock: Lock;
  readonly mode: LockMode;
  granted(): void;
  refused(error: TributaryError): void;
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
    const lock = this.#locks.get(name);
    if (lock === undefined) {
      const taken: Lock = { name, mode, holder: owner, sharers: undefined, queue: undefined };
      this.#locks.set(name, taken);
      owner.held.push(taken);
      return undefined;
    }
    const isHeld = hasLock(lock, owner);
    if (isHeld && (lock.mode === 'exclusive' || mode === 'shared')) return undefined;
    if ((isHeld || lock.queue === undefined) && fits(lock, owner, mode)) {
      grant(lock, owner, mode);
      return undefined;
    }
    if (waitMs <= 0) return Promise.reject(busy(name, 0));
    return this.#wait(lock, owner, mode, clock, waitMs);
  }

  /** Takes all locks from the owner. Whoever waits for one of them gets it. */
  release(owner: LockOwner): void {
    for (const lock of owner.held) {
      if (lock.sharers === undefined) lock.holder = undefined;
      else lock.sharers.delete(owner);
      this.#handOn(lock);
    }
    owner.held.length = 0;
  }

  /** Ends the owner's wait with this error. */
  stopWaiting(owner: LockOwner, error: TributaryError): void {
    owner.waiting?.refused(error);
  }

  async #wait(lock: Lock, owner: LockOwner, mode: LockMode, clock: Clock, waitMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const over = new AbortController();
    const leave = () => {
      owner.waiting = null;
      over.abort();
    };
    const waiter: Waiter = {
      owner,
      lock,
      mode,
      granted: () => {
        leave();
        resolve();
      },
      refused: (error) => {
        leave();
        lock.queue = lock.queue?.filter((other) => other !== waiter);
        this.#handOn(lock);
        reject(error);
      },
    };
    lock.queue ??= [];
    // A transaction that turns its shared lock into an exclusive one goes before those that have none.
    if (hasLock(lock, owner)) lock.queue.unshift(waiter);
    else lock.queue.push(waiter);
    owner.waiting = waiter;
    if (waitsForItself(owner)) waiter.refused(deadlock(lock.name));
    else
      void clock.sleep(waitMs, over.signal).then(() => {
        if (owner.waiting === waiter) waiter.refused(busy(lock.name, waitMs));
      });
    return promise;
  }

  /** Gives the lock to those that may have it now, and forgets it if nobody has it. */
  #handOn(lock: Lock): void {
    while (lock.queue !== undefined) {
      const [next] = lock.queue;
      if (next === undefined) lock.queue = undefined;
      else if (fits(lock, next.owner, next.mode)) {
        lock.queue.shift();
        grant(lock, next.owner, next.mode);
        next.granted();
      } else return;
    }
    if (lock.holder === undefined && (lock.sharers?.size ?? 0) === 0) this.#locks.delete(lock.name);
  }
}

function hasLock({ holder, sharers }: Lock, owner: LockOwner): boolean {
  return holder === owner || sharers?.has(owner) === true;
}

function holdersOf({ holder, sharers }: Lock): Iterable<LockOwner> {
  return sharers ?? (holder === undefined ? [] : [holder]);
}

function fits(lock: Lock, owner: LockOwner, asked: LockMode): boolean {
  if (lock.mode === 'shared' && asked === 'shared') return true;
  for (const holder of holdersOf(lock)) if (holder !== owner) return false;
  return true;
}

function grant(lock: Lock, owner: LockOwner, mode: LockMode): void {
  lock.mode = mode;
  if (hasLock(lock, owner)) return;
  owner.held.push(lock);
  if (lock.holder === undefined && lock.sharers === undefined) {
    lock.holder = owner;
    return;
  }
  lock.sharers ??= new Set(holdersOf(lock));
  lock.sharers.add(owner);
  lock.holder = undefined;
}

function waitsForItself(owner: LockOwner): boolean {
  const seen = new Set<LockOwner>();
  const next = [owner];
  for (let one = next.pop(); one !== undefined; one = next.pop()) {
    if (one.waiting === null) continue;
    for (const other of before(one.waiting)) {
      if (other === owner) return true;
      if (seen.has(other)) continue;
      seen.add(other);
      next.push(other);
    }
  }
  return false;
}

/** Those that have to end before this one gets its lock. */
function before({ lock, owner, mode }: Waiter): LockOwner[] {
  const found = [...holdersOf(lock)].filter((holder) => holder !== owner);
  for (const other of lock.queue ?? []) {
    if (other.owner === owner) break;
    if (mode === 'exclusive' || other.mode === 'exclusive') found.push(other.owner);
  }
  return found;
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
