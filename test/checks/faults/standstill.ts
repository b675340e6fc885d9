/** Measures for how long a part had work waiting and did not move. */

export interface Standstill {
  readonly part: string;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Part {
  mark: string;
  isOwed: boolean;
  /** Since when work waits and nothing moves; meaningless while nothing waits. */
  sinceMs: number;
}

/** Shorter ones are the usual time from a record to its row. */
const SHORTEST_MS = 1_000;

export class Standstills {
  readonly #parts = new Map<string, Part>();
  readonly #over: Standstill[] = [];

  /** What was seen of a part at a moment: how far it is (`mark`), and whether anything waits for it. */
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

  /** Every standstill of more than a second between the two moments, those that are not over included. */
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
