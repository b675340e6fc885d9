/** What a run of `check:delivery-crash` comes to: nothing may be wrong, and enough must have happened to say so. */

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

/** At least so many; by what was published and killed, and so by the minutes. */
const AT_LEAST: Readonly<Record<string, (found: Counts) => number>> = {
  effects_under_kills: (found) => Math.max(of(found, 'events') / 30, of(found, 'effects') / 4),
  kills_amid_effects: (found) => (of(found, 'order_sync_kills') + of(found, 'order_mgt_kills')) / 4,
  states_sent_again: (found) => of(found, 'events') / 60,
  duplicates_answered: (found) => (of(found, 'order_sync_kills') + of(found, 'order_mgt_kills')) / 2,
  answers_lost: (found) => of(found, 'order_mgt_kills') / 10,
  settlements_lost: (found) => of(found, 'order_sync_kills') / 15,
  older_ignored: (found) => of(found, 'events') / 10_000,
};

/** The figures that say how much a run shows. */
export const EVIDENCE: readonly string[] = Object.keys(AT_LEAST);

/** What is wrong, each as a sentence; of counts that are not there, too. */
export function faultsOf(found: Counts): string[] {
  return NONE_OF.filter((name) => found[name] !== 0).map((name) => `${name} is ${found[name]}, not 0`);
}

/** What happened too seldom for the run to show anything, each as a sentence. */
export function missingEvidence(found: Counts): string[] {
  return Object.entries(AT_LEAST).flatMap(([name, leastOf]) => {
    const least = Math.max(1, Math.ceil(leastOf(found)));
    return of(found, name) >= least
      ? []
      : [`${name} is ${of(found, name)}, and less than ${least} shows little`];
  });
}

function of(found: Counts, name: string): number {
  return found[name] ?? 0;
}
