import type { Domain, ViewRow } from '../../core/domain.ts';
import { DefectError } from '../../core/errors.ts';
import type { Store } from '../../ports/store.ts';
import type { Decoder } from '../decode/decoder.ts';
import { LONG_LIMITS, LongHistories } from '../ingest/long-histories.ts';
import { foldFault, type Unfoldable } from '../ingest/unfoldable.ts';
import { foldedRow, foldJournal } from '../verify/fold-journal.ts';

export interface FolderParts<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly store: Pick<Store, 'readJournals' | 'longJournals'>;
}

/** The fold of an entity's journal up to `version`. */
export type FoldedEntity = { readonly entityId: string; readonly version: number } & (
  | { readonly row: ViewRow; readonly isReady: boolean; readonly fault: null }
  | { readonly row: null; readonly isReady: false; readonly fault: Unfoldable }
);

/** The most times that a long entity is prepared, while ingest changes it. */
const MAX_PREPARATIONS = 20;
const NEVER = new AbortController().signal;

/** Folds entities from the journal as it is, without locks. Each result is the fold of what the journal had at one moment. */
export class Folder<State, Event> {
  readonly #parts: FolderParts<State, Event>;
  readonly #long: LongHistories<State, Event>;

  constructor(parts: FolderParts<State, Event>) {
    this.#parts = parts;
    const { domain, decoder, store } = parts;
    this.#long = new LongHistories({
      domain,
      decoder,
      journals: store.longJournals,
      logger: () => {},
      limits: LONG_LIMITS,
    });
  }

  /** Folds these entities. Leaves out those without a journal. */
  async fold(entityIds: readonly string[]): Promise<FoldedEntity[]> {
    const { domain, decoder, store } = this.#parts;
    const most = this.#long.longEvents;
    const journals = await store.readJournals(entityIds, most);
    const folded: FoldedEntity[] = [];
    for (const [entityId, journal] of journals) {
      if (journal.length > most) {
        folded.push(await this.#foldLong(entityId));
        continue;
      }
      const result = foldJournal(domain, decoder, journal, journal.length);
      folded.push(entityOf(entityId, journal.length, result));
    }
    return folded;
  }

  async #foldLong(entityId: string): Promise<FoldedEntity> {
    const request = { entityId, before: null, incoming: [], version: null, isParked: false };
    for (let attempt = 1; attempt <= MAX_PREPARATIONS; attempt++) {
      await this.#long.prepare([{ entityId, needs: 'fold' }], NEVER);
      const planned = await this.#long.plan([request], async () => {});
      this.#long.committed([entityId]);
      const plan = planned.kind === 'planned' ? planned.plans.get(entityId) : undefined;
      if (plan === undefined) continue;
      const { version, before, unfoldable } = plan;
      if (before === null) return entityOf(entityId, version, unfoldable);
      try {
        return entityOf(entityId, version, foldedRow(this.#parts.domain, before.state));
      } catch (error) {
        return entityOf(entityId, version, foldFault(this.#parts.domain, error, []));
      }
    }
    throw new DefectError('An entity with a long journal could not be prepared for its fold.');
  }
}

function entityOf(
  entityId: string,
  version: number,
  result: { readonly row: ViewRow; readonly isReady: boolean } | Unfoldable | null,
): FoldedEntity {
  if (result !== null && !('reason' in result)) return { entityId, version, ...result, fault: null };
  const fault = result ?? { reason: 'fold_failed', detail: 'Its journal cannot be folded.' };
  return { entityId, version, row: null, isReady: false, fault };
}
