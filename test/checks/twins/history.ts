/** Histories of calls, which are drawn from a seed and played on a twin and on the real part. */
import { TributaryError } from '../../../src/core/errors.ts';
import { Random } from '../lib/random.ts';
import { textOf } from './text.ts';

/** One call of a history. Its arguments follow from its seed and from what earlier calls have answered. */
export interface Call {
  readonly kind: string;
  /** The process that calls: 0 or 1. */
  readonly by: number;
  readonly seed: number;
  /** The most items of each list in the arguments. */
  readonly most: number;
}

export interface History {
  readonly seed: number;
  readonly calls: readonly Call[];
}

/** One question that a call has put to a port, and its answer, both as texts. */
export interface Exchange {
  readonly question: string;
  readonly answer: string;
  /** The message of a rejection, which is not compared. */
  readonly why?: string;
}

/** Calls one part, and keeps what it asked and what was answered. */
export class Caller {
  #exchanges: Exchange[] = [];

  /**
   * Asks the port. `normal` makes an answer of the same meaning the same on both sides. Resolves with the answer; null if
   * the port rejected, which counts as an answer with its code.
   */
  async ask<Answer>(
    method: string,
    given: unknown,
    work: () => Promise<Answer>,
    normal: (answer: Answer) => unknown = (answer) => answer,
  ): Promise<Answer | null> {
    try {
      const answer = await work();
      this.note(`${method} ${textOf(given)}`, normal(answer));
      return answer;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.note(`${method} ${textOf(given)}`, rejectionOf(error), why);
      return null;
    }
  }

  note(question: string, answer: unknown, why?: string): void {
    this.#exchanges.push({ question, answer: textOf(answer), ...(why === undefined ? {} : { why }) });
  }

  /** What was asked and answered since the last time. */
  takeExchanges(): Exchange[] {
    const taken = this.#exchanges;
    this.#exchanges = [];
    return taken;
  }
}

function rejectionOf(error: unknown): unknown {
  if (error instanceof TributaryError) return { rejects: error.code, retryable: error.retryable };
  return { rejects: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
}

/** What a call draws its arguments from. */
export interface Drawing {
  readonly by: number;
  readonly random: Random;
  /** A number of items: from 0 to the limit, or to the call's `most` if that is less. */
  count(limit: number): number;
}

export interface CallKind<Part extends Caller> {
  readonly name: string;
  /** Its share of the calls that are drawn, beside the weights of the other kinds. */
  readonly weight: number;
  play(part: Part, drawing: Drawing): Promise<void>;
}

/** A twin and the real part, both empty. */
export interface Pair<Part extends Caller> {
  readonly twin: Part;
  readonly real: Part;
  close(): Promise<void>;
}

/** What can be played beside its twin. */
export interface Setting<Part extends Caller> {
  readonly kinds: readonly CallKind<Part>[];
  /** The kinds that belong together. The calls of a history are of one theme, so that they meet. */
  readonly themes: readonly (readonly CallKind<Part>[])[];
  /** The kind with which most histories begin. */
  readonly first: string;
  open(seed: number): Promise<Pair<Part>>;
  /** Asks for the whole content, after the last call. */
  readContents(part: Part): Promise<void>;
}

export interface Difference {
  readonly call: Call | 'contents';
  readonly question: string;
  readonly twin: string;
  readonly real: string;
}

const CALLS_MIN = 10;
const CALLS_MAX = 40;
const MOST = 4;

export function draw<Part extends Caller>({ themes, first }: Setting<Part>, seed: number): History {
  const random = new Random(seed * 7_919 + 13);
  const kinds = random.pick(themes);
  // Each history leaves most calls of some kinds out, so that the others meet more often.
  const weights = kinds.map(({ weight }) => weight * (random.chance(0.75) ? 1 : 0.1));
  const length = CALLS_MIN + random.below(CALLS_MAX - CALLS_MIN + 1);
  const calls = Array.from({ length }, (_, index) => ({
    kind: index === 0 && random.chance(0.9) ? first : pickWeighted(random, kinds, weights).name,
    by: index > 0 && random.chance(0.3) ? 1 : 0,
    seed: Math.floor(random.next() * 2 ** 32),
    most: MOST,
  }));
  return { seed, calls };
}

function pickWeighted<Item>(random: Random, items: readonly Item[], weights: readonly number[]): Item {
  let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return items.at(index) as Item;
}

/** Plays the history on a new pair. Resolves with the first difference; null if there is none. */
export async function play<Part extends Caller>(
  setting: Setting<Part>,
  history: History,
  onCall: (call: Call, exchanges: readonly Exchange[]) => void = () => {},
): Promise<Difference | null> {
  const pair = await setting.open(history.seed);
  try {
    for (const call of history.calls) {
      const kind = setting.kinds.find(({ name }) => name === call.kind);
      if (kind === undefined) throw new Error(`There is no kind of call "${call.kind}".`);
      const exchanges = await side(pair.twin, (part) => kind.play(part, drawingOf(call)));
      const others = await side(pair.real, (part) => kind.play(part, drawingOf(call)));
      onCall(call, exchanges);
      const found = firstDifference(call, exchanges, others);
      if (found !== null) return found;
    }
    const [twin, real] = [
      await side(pair.twin, setting.readContents),
      await side(pair.real, setting.readContents),
    ];
    return firstDifference('contents', twin, real);
  } finally {
    await pair.close();
  }
}

async function side<Part extends Caller>(
  part: Part,
  work: (part: Part) => Promise<void>,
): Promise<Exchange[]> {
  await work(part);
  return part.takeExchanges();
}

function drawingOf({ by, seed, most }: Call): Drawing {
  const random = new Random(seed);
  return { by, random, count: (limit) => Math.min(random.below(limit + 1), most) };
}

function firstDifference(
  call: Difference['call'],
  twin: readonly Exchange[],
  real: readonly Exchange[],
): Difference | null {
  for (let index = 0; index < Math.max(twin.length, real.length); index++) {
    const [one, other] = [twin[index], real[index]];
    if (one?.question !== other?.question) {
      const nothing = 'nothing more is asked';
      const [asked, otherwise] = [one?.question ?? nothing, other?.question ?? nothing];
      return { call, question: 'the next question', twin: asked, real: otherwise };
    }
    if (one !== undefined && other !== undefined && one.answer !== other.answer)
      return { call, question: one.question, twin: told(one), real: told(other) };
  }
  return null;
}

export function told({ answer, why }: Exchange): string {
  return why === undefined ? answer : `${answer} (${why})`;
}

/** Shrinking ends after this many tries, however much shorter the history could still become. */
const TRIES_MAX = 250;

/** A shorter history with the same kind of difference: leaves out calls, and makes lists and the process simpler. */
export async function shrink<Part extends Caller>(
  setting: Setting<Part>,
  history: History,
  difference: Difference,
  triesMax = TRIES_MAX,
): Promise<{ history: History; difference: Difference }> {
  let best = { history, difference };
  let tries = 0;
  for (let hasShrunk = true; hasShrunk && tries < triesMax; ) {
    hasShrunk = false;
    for (const calls of shorterOnes(best.history.calls)) {
      if (++tries > triesMax) break;
      const candidate = { ...history, calls };
      const found = await play(setting, candidate);
      if (found === null || methodOf(found) !== methodOf(difference)) continue;
      best = { history: candidate, difference: found };
      hasShrunk = true;
      break;
    }
  }
  return best;
}

/** The method that was answered differently. */
function methodOf({ question }: Difference): string {
  return question.slice(0, question.indexOf(' '));
}

function* shorterOnes(calls: readonly Call[]): Iterable<Call[]> {
  for (let size = Math.ceil(calls.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let from = 0; from < calls.length; from += size)
      yield [...calls.slice(0, from), ...calls.slice(from + size)];
  for (const [index, call] of calls.entries()) {
    const simpler = [];
    if (call.most > 1) simpler.push({ ...call, most: 1 });
    if (call.by > 0) simpler.push({ ...call, by: 0 });
    for (const one of simpler) yield calls.with(index, one);
  }
}
