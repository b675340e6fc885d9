/** Plays many histories on one part and its twin. */
import {
  type Call,
  type Caller,
  type Difference,
  draw,
  type Exchange,
  play,
  type Setting,
  shrink,
  told,
} from './history.ts';

/** After this many differences a part's other histories are not played: they most likely show the same ones. */
const DIFFERENCES_MAX = 10;

export interface Comparison {
  readonly from: number;
  readonly histories: number;
  readonly signal?: AbortSignal;
  /** Called with a line for each exchange of each history. */
  readonly onLine?: (line: string) => void;
  readonly onFound?: (found: Found) => void;
  readonly onProgress?: (histories: number) => void;
}

/** A difference, in the shortest history that still shows it. */
export interface Found {
  readonly seed: number;
  readonly difference: Difference;
  /** The calls of that history with the answers of the twin, a line each. */
  readonly lines: readonly string[];
}

export interface ComparisonResult {
  readonly histories: number;
  /** The number of calls of each kind. */
  readonly calls: ReadonlyMap<string, number>;
  readonly differences: number;
}

/** A part beside its twin. Its type of caller is of no concern to those who run it. */
export interface OpenedPart {
  compare(seed: number, onCall: OnCall): Promise<{ calls: readonly Call[]; found: Found | null }>;
  close(): Promise<void>;
}

type OnCall = (call: Call, exchanges: readonly Exchange[]) => void;

export function partOf<Part extends Caller>(setting: Setting<Part>, close: () => Promise<void>): OpenedPart {
  return {
    close,
    compare: async (seed, onCall) => {
      const history = draw(setting, seed);
      const { calls } = history;
      const difference = await play(setting, history, onCall);
      if (difference === null) return { calls, found: null };
      const shortest = await shrink(setting, history, difference);
      const lines: string[] = [];
      const again = await play(setting, shortest.history, (call, exchanges) =>
        lines.push(...linesOf(call, exchanges)),
      );
      return { calls, found: { seed, difference: again ?? shortest.difference, lines } };
    },
  };
}

/** Plays histories side by side, one at a time on each part. The parts are of one kind, and share nothing but a server. */
export async function compareMany(
  parts: readonly OpenedPart[],
  comparison: Comparison,
): Promise<ComparisonResult> {
  const { from, histories, signal, onLine, onFound, onProgress } = comparison;
  const calls = new Map<string, number>();
  let [begun, played, differences] = [0, 0, 0];
  let hasFailed = false;
  const goesOn = () =>
    begun < histories && differences < DIFFERENCES_MAX && !hasFailed && signal?.aborted !== true;
  const playOn = async (part: OpenedPart) => {
    while (goesOn()) {
      const result = await part.compare(from + begun++, (call, exchanges) => {
        if (onLine !== undefined) for (const line of linesOf(call, exchanges)) onLine(line);
      });
      for (const { kind } of result.calls) calls.set(kind, (calls.get(kind) ?? 0) + 1);
      if (result.found !== null) {
        differences++;
        onFound?.(result.found);
      }
      played++;
      onProgress?.(played);
    }
  };
  const outcomes = await Promise.allSettled(
    parts.map((part) =>
      playOn(part).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      }),
    ),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return { histories: played, calls, differences };
}

function linesOf({ kind, by }: Call, exchanges: readonly Exchange[]): string[] {
  return exchanges.map((exchange) => `process ${by}, ${kind}: ${exchange.question}\n  → ${told(exchange)}`);
}
