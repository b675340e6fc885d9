/** Without a reason, `abort` would make an error with a stack each time. */
export const OVER = 'over';

/**
 * A signal that aborts with `parent`, or by `abort`. To be ended with `abort` or `unlink`; then `parent` knows nothing of it
 * any more. (`AbortSignal.any` leaves something behind at its parents for each signal, until a full garbage collection.)
 */
export class LinkedAbort {
  readonly #own = new AbortController();
  readonly #parent: AbortSignal;
  readonly #follow = () => this.abort();

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    if (parent.aborted) this.#own.abort(OVER);
    else parent.addEventListener('abort', this.#follow);
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  abort(): void {
    this.unlink();
    this.#own.abort(OVER);
  }

  unlink(): void {
    this.#parent.removeEventListener('abort', this.#follow);
  }
}
