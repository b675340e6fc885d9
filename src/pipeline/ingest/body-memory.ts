const SMALLEST_BYTES = 16 * 1024;
const LARGEST_BYTES = 1024 * 1024;
/** The most bytes that are kept for later. */
const KEPT_BYTES = 8 * 1024 * 1024;

/**
 * Gives memory for the bodies of a piece, and takes it back once they are journaled. Fresh memory for each piece would
 * make the garbage collector run often, because it counts bytes outside of its heap too.
 */
export class BodyMemory {
  /** By the number of bytes, which is a power of two. */
  readonly #kept = new Map<number, Buffer[]>();
  #keptBytes = 0;

  /** Gives memory with room for this many bytes. It may hold anything. */
  take(bytes: number): Buffer {
    const size = Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(Math.max(1, bytes))));
    if (size > LARGEST_BYTES) return Buffer.allocUnsafeSlow(bytes);
    const kept = this.#kept.get(size)?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    return kept;
  }

  /** Takes memory back. Nobody else may use it any more. */
  give(memory: Buffer): void {
    const { length } = memory;
    const isKept =
      length >= SMALLEST_BYTES &&
      length <= LARGEST_BYTES &&
      (length & (length - 1)) === 0 &&
      this.#keptBytes + length <= KEPT_BYTES;
    if (!isKept) return;
    const list = this.#kept.get(length);
    if (list === undefined) this.#kept.set(length, [memory]);
    else list.push(memory);
    this.#keptBytes += length;
  }
}
