/** The mistakes of a domain that the kit knows, each with what to do about it. */
export const MISTAKES = {
  sample_refused: 'Give the kit events that the domain accepts, or correct the schema.',
  to_event_throws: 'Let the schema refuse the bodies that toEvent, stage or cautionRank cannot read.',
  evolve_throws:
    'Events may be missing, because they are late. So evolve has to return a state for every event in every state.',
  state_mutated:
    'Return a new object, as in { ...state, onHand }, and leave the state and the event as they are.',
  clock_in_fold:
    'Take times from the event. The fold runs again months later, and has to give the same state.',
  randomness:
    'Take ids and random numbers from the event. The fold runs again whenever a late event arrives.',
  state_outside:
    'Keep everything that evolve has to know in the state. The engine removes duplicates and sorts late events itself.',
  stage_backwards: 'Give the later event the higher stage, or none of the two a stage of its own.',
  meaningful_field_missing:
    'Add the field to meaningfulFields, or leave meaningfulFields out: then the whole body tells events apart.',
  row_invalid: 'Let view.row return one value for each column, of the type and length of that column.',
  view_throws: 'Let view.row and view.isReady take every state that evolve returns.',
  ready_disagrees:
    'Let isReady, the readyColumn and whyNotReady say the same: whyNotReady returns null exactly if the row is ready.',
  why_not_ready_throws:
    'whyNotReady is asked of rows that somebody altered, too. Let it return a reason for any values.',
  digits_lost: 'Keep decimals as texts, or as whole numbers of the smallest unit, and add them up exactly.',
  stores_differ: 'Let view.row return plain values: texts, safe integers, true, false or null.',
} as const;

export type Mistake = keyof typeof MISTAKES;

/** What a check found: the mistake, what happened in one sentence, and the events that show it. */
export interface Finding {
  readonly mistake: Mistake;
  readonly what: string;
}

/** Thrown by the kit for a domain with a mistake. The message is for people; `mistake` and `history` are for programs. */
export class DomainMistake extends Error {
  readonly mistake: Mistake;
  /** The bodies of the smallest set of events that shows the mistake, in the sequence in which they are folded. */
  readonly history: readonly object[];

  constructor(domain: string, { mistake, what }: Finding, history: readonly object[]) {
    super(
      [
        `The domain ${domain} has the mistake ${mistake}. ${what}`,
        ...(history.length === 0
          ? []
          : [
              `The smallest history that shows it, in the sequence of the fold:`,
              ...history.map((body, index) => `  ${index + 1}. ${JSON.stringify(body)}`),
            ]),
        MISTAKES[mistake],
      ].join('\n'),
    );
    this.name = 'DomainMistake';
    this.mistake = mistake;
    this.history = history;
  }
}
