import type { Act, History } from './history.ts';
import { play } from './play.ts';
import { Tally } from './tally.ts';

/** Shrinking ends after this many tries, however much smaller the history could still become. */
const TRIES_MAX = 1_500;

/**
 * Makes a history that breaks something smaller, as long as it still breaks something of the same kind: leaves out acts,
 * records and the death of the first process, and makes numbers smaller.
 */
export async function shrink(history: History, triesMax = TRIES_MAX): Promise<History> {
  const kind = kindOf((await play(history, new Tally())).violations);
  let smallest = history;
  let tries = 0;
  const isStillBroken = async (candidate: History) => {
    tries++;
    return kindOf((await play(candidate, new Tally())).violations) === kind;
  };
  for (let hasShrunk = true; hasShrunk && tries < triesMax; ) {
    hasShrunk = false;
    for (const candidate of smallerOnes(smallest)) {
      if (tries >= triesMax) break;
      if (!(await isStillBroken(candidate))) continue;
      smallest = candidate;
      hasShrunk = true;
      break;
    }
  }
  return smallest;
}

/** The invariant that is broken; two histories with the same one show the same mistake, as far as one can tell. */
function kindOf(violations: readonly string[]): string | null {
  const [first] = violations;
  return first === undefined ? null : (/^[^:]*/.exec(first)?.[0] ?? '');
}

/** Smaller histories, the much smaller ones first. */
function* smallerOnes(history: History): Iterable<History> {
  const { acts, shape, diesAtStep } = history;
  for (let size = Math.ceil(acts.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < acts.length; from += size)
      yield { ...history, acts: [...acts.slice(0, from), ...acts.slice(from + size)] };
  }
  for (const [index, act] of acts.entries()) {
    for (const smaller of smallerActs(act))
      yield { ...history, acts: [...acts.slice(0, index), smaller, ...acts.slice(index + 1)] };
  }
  if (diesAtStep !== undefined) {
    const { diesAtStep: _, ...others } = history;
    yield others;
  }
  const hasJob = acts.some(({ kind }) => kind === 'job');
  const plain = {
    partitions: { orders: 1, payments: 1 },
    instances: 1,
    lanes: 1,
    ...(hasJob ? {} : { hasJobs: false }),
  };
  for (const [name, value] of Object.entries(plain)) {
    if (JSON.stringify(shape[name as keyof typeof shape]) !== JSON.stringify(value))
      yield { ...history, shape: { ...shape, [name]: value } };
  }
}

function* smallerActs(act: Act): Iterable<Act> {
  if (act.kind !== 'publish') return;
  const { records } = act;
  for (let size = Math.ceil(records.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < records.length; from += size) {
      const fewer = [...records.slice(0, from), ...records.slice(from + size)];
      if (fewer.length > 0 && fewer.length < records.length) yield { ...act, records: fewer };
    }
  }
}
