/** Judges a run of `check:delivery-crash`. It must have no fault, and enough kills, effects and repeats as evidence. */

export type Counts = Readonly<Record<string, number>>;

const NONE_OF = [
  'lost',
  'duplicated',
  'divergent',
  'target_different',
  'never_delivered',
  'double_effects',
  'versions_fallen',
  'ids_wrong',
  'pending',
  'dead',
  'crashes',
] as const;

/** The smallest accepted value of each figure. It grows with the numbers of events and kills. */
const AT_LEAST: Readonly<Record<string, (found: Counts) => number>> = {
  effects_under_kills: (found) => Math.max(of(found, 'events') / 30, of(found, 'effects') / 4),
  kills_amid_effects: (found) => (of(found, 'order_sync_kills') + of(found, 'order_mgt_kills')) / 4,
  states_sent_again: (found) => of(found, 'events') / 60,
  duplicates_answered: (found) => (of(found, 'order_sync_kills') + of(found, 'order_mgt_kills')) / 2,
  answers_lost: (found) => of(found, 'order_mgt_kills') / 10,
  settlements_lost: (found) => of(found, 'order_sync_kills') / 15,
  older_ignored: (found) => of(found, 'events') / 10_000,
};

/** The names of the figures that are evidence. */
export const EVIDENCE: readonly string[] = Object.keys(AT_LEAST);

/** Lists the faults as sentences. A missing count is a fault. */
export function faultsOf(found: Counts): string[] {
  return NONE_OF.filter((name) => found[name] !== 0).map((name) => `${name} is ${found[name]}, not 0`);
}

/** Lists the figures that are too small as evidence, as sentences. */
export function missingEvidence(found: Counts): string[] {
  return Object.entries(AT_LEAST).flatMap(([name, leastOf]) => {
    const least = Math.max(1, Math.ceil(leastOf(found)));
    return of(found, name) >= least ? [] : [`${name} is ${of(found, name)}, and must be at least ${least}`];
  });
}

function of(found: Counts, name: string): number {
  return found[name] ?? 0;
}
