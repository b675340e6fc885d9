/** Counts what happens in each second of the last minute. */
export class RateWindow {
  readonly #seconds = new Float64Array(61);
  #second = 0;
  #firstMs: number | null = null;

  /** Counts. `nowMs` is a time that never falls. */
  add(count: number, nowMs: number): void {
    this.#firstMs ??= nowMs;
    this.#moveTo(nowMs);
    const at = this.#second % this.#seconds.length;
    this.#seconds[at] = (this.#seconds[at] ?? 0) + count;
  }

  /** The mean number a second over the last `seconds` whole seconds, at most 60, or over the time since the first count. */
  perSecond(seconds: number, nowMs: number): number {
    this.#moveTo(nowMs);
    let sum = 0;
    for (let back = 1; back <= seconds; back++)
      if (this.#second >= back) sum += this.#seconds[(this.#second - back) % this.#seconds.length] ?? 0;
    const sinceFirst = this.#firstMs === null ? seconds : this.#second - Math.floor(this.#firstMs / 1_000);
    return sum / Math.max(1, Math.min(seconds, sinceFirst));
  }

  #moveTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    const passed = Math.min(second - this.#second, this.#seconds.length);
    for (let each = 0; each < passed; each++) this.#seconds[(second - each) % this.#seconds.length] = 0;
    this.#second = Math.max(this.#second, second);
  }
}
