/** Measures the times in which a part had waiting work and made no progress. */

export interface Standstill {
  readonly part: string;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Part {
  mark: string;
  isOwed: boolean;
  /** The moment since which work waits without progress. It has no meaning while no work waits. */
  sinceMs: number;
}

/** Standstills of less than 1 s are ignored: a record usually takes that long to become a row. */
const SHORTEST_MS = 1_000;

export class Standstills {
  readonly #parts = new Map<string, Part>();
  readonly #over: Standstill[] = [];

  /** Records the progress of a part (`mark`) at a moment, and whether work waits for it. */
  see(name: string, { atMs, mark, isOwed }: { atMs: number; mark: string; isOwed: boolean }): void {
    const part = this.#parts.get(name);
    if (part === undefined) {
      this.#parts.set(name, { mark, isOwed, sinceMs: atMs });
      return;
    }
    const hasMoved = part.mark !== mark;
    if (part.isOwed && (hasMoved || !isOwed)) this.#end(name, part.sinceMs, atMs);
    if (hasMoved || !part.isOwed || !isOwed) part.sinceMs = atMs;
    part.mark = mark;
    part.isOwed = isOwed;
  }

  /** Returns the standstills of more than 1 s between the two moments, including those that go on. */
  between(fromMs: number, toMs: number): Standstill[] {
    const open = [...this.#parts].flatMap(([part, { isOwed, sinceMs }]) =>
      isOwed ? [{ part, fromMs: sinceMs, toMs: Math.max(sinceMs, toMs) }] : [],
    );
    return [...this.#over, ...open].filter(
      (each) => each.toMs >= fromMs && each.fromMs <= toMs && each.toMs - each.fromMs > SHORTEST_MS,
    );
  }

  #end(part: string, fromMs: number, toMs: number): void {
    if (toMs - fromMs > SHORTEST_MS) this.#over.push({ part, fromMs, toMs });
  }
}

export function longestSeconds(standstills: readonly Standstill[]): number {
  const longestMs = Math.max(0, ...standstills.map(({ fromMs, toMs }) => toMs - fromMs));
  return Math.round(longestMs / 100) / 10;
}
