import { quoted } from '../../../core/text.ts';
import type { ParkedEntity } from '../../../ports/parked-entities.ts';
import type { Unfoldable } from '../../ingest/unfoldable.ts';
import type { Absence } from './absence.ts';
import { absenceSentences, noneRefused } from './absence-sentences.ts';
import { type DeliveryFacts, deliverySentences } from './delivery-sentences.ts';
import { type Readiness, readinessSentence } from './readiness.ts';
import { ID_CHARACTERS, momentWords } from './words.ts';

/** What the sentences about an entity are made of. */
export interface Facts extends Readiness<unknown>, DeliveryFacts, Absence {
  readonly noun: string;
  readonly entityId: string;
  readonly version: number;
  readonly parked: ParkedEntity | null;
  readonly unfoldable: Unfoldable | null;
  readonly rowDiffers: boolean;
  /** Whether there is a row although the journal has no event. */
  readonly hasStrayRow: boolean;
  /** The limit that the number of events exceeds; null if all events were read. */
  readonly maxEvents: number | null;
}

/** Says in plain sentences why the entity is or is not ready, and where its deliveries stand. */
export function sentencesOf(facts: Facts): string[] {
  if (facts.version === 0) return unknownSentences(facts);
  return [
    ...standingSentences(facts),
    ...(facts.maxEvents === null
      ? []
      : [
          `It has ${facts.version} events, more than the ${facts.maxEvents} that are folded here: what is said above is ` +
            'what its row says, and only its last events are shown.',
        ]),
    ...(facts.rowDiffers
      ? [
          'Its row in the view differs from its journal: somebody has altered it, and order-sync will make it again.',
        ]
      : []),
    ...(facts.waitsForRebuild ? [REBUILD_AWAITED] : []),
    ...deliverySentences(facts),
    ...absenceSentences(facts),
  ];
}

const REBUILD_AWAITED =
  'Rows and deliveries wait for a rebuild ("order-sync rebuild"): until then its events are journaled, its row stays as it ' +
  'is, and nothing of it becomes due.';

function unknownSentences(facts: Facts): string[] {
  const { noun, hasStrayRow, deliveries } = facts;
  return [
    `Unknown: the journal has no event of this ${noun}.`,
    ...(facts.refused.records.length > 0 ? [] : [noneRefused(facts)]),
    ...(hasStrayRow ? ['There is a row in the view, which this program has not made from events.'] : []),
    ...(deliveries.length > 0 ? ['The ledger has deliveries of it: the journal has lost its events.'] : []),
    ...absenceSentences(facts),
  ];
}

function standingSentences(facts: Facts): string[] {
  const { parked, unfoldable, entityId, nowMs } = facts;
  const id = quoted(entityId, ID_CHARACTERS);
  if (parked !== null) {
    const since = momentWords(parked.parkedAtMs, nowMs);
    return [
      `Parked since ${since}, because it cannot be folded (${parked.reason}): ${parked.detail} Its events are journaled, ` +
        `but its row and its deliveries stand still. Once the program understands it, run order-sync unpark ${id} --reason "..." to let it go on.`,
    ];
  }
  if (unfoldable !== null)
    return [
      `Its events cannot be folded by this program (${unfoldable.reason}): ${unfoldable.detail} What is said here is what ` +
        'its row says.',
      readinessSentence(facts, nowMs),
    ];
  return [readinessSentence(facts, nowMs)];
}
