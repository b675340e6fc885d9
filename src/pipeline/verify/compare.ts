import type { Domain, ViewValue } from '../../core/domain.ts';
import { emptyHistory, historyOf, merge, type Sequenced } from '../../core/fold.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { Store, StoredRow } from '../../ports/store.ts';
import type { EntityRecord, LedgerMend, LedgerRecord, LedgerState } from '../../ports/verification.ts';
import type { Decoder } from '../decode/decoder.ts';
import { type DueRules, isSameRow } from '../ingest/due.ts';
import type { LongHistories } from '../ingest/long-histories.ts';
import { foldFault, restoreAll, type Unfoldable } from '../ingest/unfoldable.ts';
import { type Folded, foldedRow, foldJournal } from './fold-journal.ts';
import { faultsOf, type LedgerFacts, type LedgerFault, rightState } from './ledger-rules.ts';

/**
 * A difference between the journal and what was made from it.
 *
 * - `row_missing`: the view lacks the entity.
 * - `row_extra`: the view has an entity without any event.
 * - `row_altered`: the row has the right version and other columns.
 * - `version_behind`, `version_ahead`: the row has another version than the journal, and perhaps other columns.
 * - `ledger_missing`: a target is owed the entity, or has accepted it, and the ledger does not know.
 * - `ledger_wrong`: the entry breaks the rules of `ledger-rules.ts`.
 * - `ledger_unfounded`: there is an entry of an entity that has no event, or was never ready.
 * - `unfoldable`: the entity cannot be folded, so nothing can be said of its row.
 */
export type Difference = RowDifference | LedgerDifference | UnfoldableEntity;

export type RowDifference =
  | { readonly kind: 'row_missing'; readonly entityId: string; readonly expected: StoredRow | null }
  | { readonly kind: 'row_extra'; readonly entityId: string; readonly stored: StoredRow }
  | {
      readonly kind: 'row_altered' | 'version_behind' | 'version_ahead';
      readonly entityId: string;
      /** The columns that differ; `version` may be one of them. */
      readonly columns: readonly ColumnDifference[];
    };

export interface ColumnDifference {
  readonly name: string;
  readonly stored: ViewValue;
  readonly expected: ViewValue;
}

export interface LedgerDifference {
  readonly kind: 'ledger_missing' | 'ledger_wrong' | 'ledger_unfounded';
  readonly entityId: string;
  readonly target: string;
  /** The rules that are broken. */
  readonly faults: readonly LedgerFault[];
  readonly stored: LedgerState | null;
  readonly expected: LedgerState | null;
  /** How it is put right; null if the program cannot do that. */
  readonly mend: LedgerMend | null;
}

export interface UnfoldableEntity extends Unfoldable {
  readonly kind: 'unfoldable';
  readonly entityId: string;
}

export type DifferenceKind = Difference['kind'];

export interface CompareParts<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly due: DueRules;
  readonly store: Pick<Store, 'readEntities' | 'readAsArrived'>;
  /** The targets that were there when the store was set up, and that take every ready state. */
  readonly targetsFromBeginning: ReadonlySet<string>;
  /** Journals with more events are not read whole. */
  readonly maxEvents: number;
  /** Folds those by the ladder of the store's states. Without it, only the versions of their rows are compared. */
  readonly long?: LongHistories<State, Event>;
}

export interface Compared {
  /** The entities that were compared, those with differences among them. */
  readonly entities: number;
  /** Parked entities. Their rows stand still, so only their ledger is compared. */
  readonly parked: number;
  /** Entities with long journals that changed in every look. A later pass compares them. */
  readonly unsettled: number;
  readonly differences: readonly Difference[];
}

/** The looks at an entity with a long journal, which cannot be folded within the moment in which it is read. */
const LONG_LOOKS = 5;
/** Whether an entity was ever ready is not looked for in more events than this. */
const READY_EVENTS_MAX = 256;

/**
 * Compares entities with their journals: the row, its version, and the ledger of each target.
 *
 * It is exact while ingest runs, and takes no locks. `readEntities` gives everything of one entity as it was at one moment,
 * and every commit leaves row, version and ledger in agreement with the journal. So a difference was made by somebody else.
 * Of a long journal, a fold of a known version is compared with a row of that version only. The first events of a journal in
 * the sequence of arrival never change, so they may be read later than the rest.
 */
export async function compareEntities<State, Event>(
  parts: CompareParts<State, Event>,
  entityIds: readonly string[],
): Promise<Compared> {
  const { store, maxEvents } = parts;
  const differences: Difference[] = [];
  let parked = 0;
  let unsettled = 0;
  const doubtful: Doubtful[] = [];
  for (let from = 0; from < entityIds.length; ) {
    const records = await store.readEntities(entityIds.slice(from), maxEvents);
    from += records.length;
    for (const record of records) {
      if (record.isParked) parked++;
      const found =
        record.journal === null
          ? await compareLong(parts, record)
          : compareRow(parts, record, foldOf(parts, record));
      if (found === 'unsettled') {
        unsettled++;
        continue;
      }
      differences.push(...found.differences);
      doubtful.push(...compareLedger(parts, found, differences));
    }
  }
  if (doubtful.length > 0) differences.push(...(await compareWithArrivals(parts, doubtful)));
  return { entities: entityIds.length, parked, unsettled, differences };
}

/** An entity with the fold of its journal; null if that is not known. */
interface Look {
  readonly record: EntityRecord;
  readonly folded: Folded | null;
  readonly differences: readonly Difference[];
}

function foldOf<State, Event>(
  { domain, decoder }: CompareParts<State, Event>,
  { journal, version, isParked }: EntityRecord,
): Folded | Unfoldable | null {
  if (isParked || version === 0 || journal === null) return null;
  return foldJournal(domain, decoder, journal, version);
}

/** Compares the row with the fold; only its version if the fold is null. */
function compareRow<State, Event>(
  { domain }: CompareParts<State, Event>,
  record: EntityRecord,
  outcome: Folded | Unfoldable | null,
): Look {
  const { entityId, version, row: stored, isParked } = record;
  const look = (folded: Folded | null, ...differences: Difference[]): Look => ({
    record,
    folded,
    differences,
  });
  if (version === 0) {
    return stored === null ? look(null) : look(null, { kind: 'row_extra', entityId, stored });
  }
  if (outcome !== null && 'reason' in outcome)
    return look(null, { kind: 'unfoldable', entityId, ...outcome });
  if (stored === null) {
    // A command releases a parked entity; until then nobody knows its row.
    if (isParked) return look(null);
    return look(outcome, {
      kind: 'row_missing',
      entityId,
      expected: outcome === null ? null : { row: outcome.row, version },
    });
  }
  const columns: ColumnDifference[] = [];
  if (outcome !== null && !isSameRow(outcome.row, stored.row)) {
    domain.view.columns.forEach(({ name }, index) => {
      const [expected, found] = [outcome.row[index] ?? null, stored.row[index] ?? null];
      if (expected !== found) columns.push({ name, stored: found, expected });
    });
  }
  if (stored.version !== version) {
    columns.push({ name: 'version', stored: stored.version, expected: version });
    const kind = stored.version < version ? 'version_behind' : 'version_ahead';
    // A commit raises the version of a parked entity, but nobody can write its row again.
    return isParked ? look(outcome) : look(outcome, { kind, entityId, columns });
  }
  return columns.length === 0 ? look(outcome) : look(outcome, { kind: 'row_altered', entityId, columns });
}

/** Compares an entity whose journal is too long to be read whole. */
async function compareLong<State, Event>(
  parts: CompareParts<State, Event>,
  first: EntityRecord,
): Promise<Look | 'unsettled'> {
  const { domain, long, store, maxEvents } = parts;
  const { entityId } = first;
  if (long === undefined || first.isParked) return compareRow(parts, first, null);
  const never = new AbortController().signal;
  for (let look = 1; look <= LONG_LOOKS; look++) {
    if (look > 1) await long.prepare([{ entityId, needs: 'fold' }], never);
    const request = { entityId, before: null, incoming: [], version: null, isParked: false };
    const planned = await long.plan([request], async () => {});
    if (planned.kind === 'unprepared') continue;
    const plan = planned.plans.get(entityId);
    const [record] = await store.readEntities([entityId], maxEvents);
    if (plan === undefined || record === undefined || record.version !== plan.version) continue;
    if (plan.before === null) {
      const { reason, detail } = plan.unfoldable ?? { reason: 'fold_failed', detail: '' };
      return compareRow(parts, record, { reason, detail });
    }
    let folded: Folded | Unfoldable;
    try {
      folded = foldedRow(domain, plan.before.state);
    } catch (error) {
      folded = foldFault(domain, error, []);
    }
    return compareRow(parts, record, folded);
  }
  return 'unsettled';
}

/** An entry of the ledger that can only be judged by the sequence in which the events arrived. */
interface Doubtful {
  readonly look: Look;
  readonly ledger: LedgerRecord;
  readonly facts: LedgerFacts;
}

/** Adds the differences that are certain. Returns the entries that need more. */
function compareLedger<State, Event>(
  parts: CompareParts<State, Event>,
  look: Look,
  differences: Difference[],
): Doubtful[] {
  const { due, targetsFromBeginning } = parts;
  const { record, folded } = look;
  const owedTo = folded === null ? null : due.changed(folded.row, folded.isReady).qualifiesFor;
  const doubtful: Doubtful[] = [];
  for (const ledger of record.ledger) {
    const facts: LedgerFacts = {
      version: record.version,
      isOwed: owedTo === null ? null : owedTo.includes(ledger.target),
      isFromBeginning: targetsFromBeginning.has(ledger.target),
      baselineVersion: baselineVersionOf(parts, record),
      isDueRowPresent: null,
      isAcceptedRowPresent: null,
      wasReady: null,
    };
    if (needsArrivals(parts, look, ledger, facts)) doubtful.push({ look, ledger, facts });
    else addLedgerDifference(differences, record, ledger, facts);
  }
  return doubtful;
}

function baselineVersionOf<State, Event>(
  { domain: { adoption } }: CompareParts<State, Event>,
  { journal, version }: EntityRecord,
): number | null {
  if (adoption === undefined || version === 0) return 0;
  if (journal === null) return null;
  return journal.filter(({ eventType }) => eventType === adoption.eventType).length;
}

/**
 * Whether former states have to be looked at: the entry is due at an older version, or its entity is not ready now, or it is
 * wrong and an older version was accepted. After the fold of a domain has changed, nobody knows which row a former version
 * had.
 */
function needsArrivals<State, Event>(
  { domain }: CompareParts<State, Event>,
  { record, folded }: Look,
  ledger: LedgerRecord,
  facts: LedgerFacts,
): boolean {
  if (folded === null || record.journal === null || (domain.foldVersion ?? 1) > 1) return false;
  const { entry, acceptedVersion } = ledger;
  const isOlder = (version: number | null) => version !== null && version >= 1 && version < facts.version;
  if (entry !== null && (isOlder(entry.dueVersion) || !folded.isReady)) return true;
  return isOlder(acceptedVersion) && faultsOf(ledger, facts).length > 0;
}

function addLedgerDifference(
  differences: Difference[],
  { entityId, version }: EntityRecord,
  ledger: LedgerRecord,
  facts: LedgerFacts,
): void {
  const faults = faultsOf(ledger, facts);
  if (faults.length === 0) return;
  const { target, entry } = ledger;
  const expected = rightState(ledger, facts);
  differences.push({
    kind: entry === null ? 'ledger_missing' : expected === null ? 'ledger_unfounded' : 'ledger_wrong',
    entityId,
    target,
    faults,
    stored:
      entry === null
        ? null
        : {
            status: entry.status,
            dueVersion: entry.dueVersion,
            deliveredVersion: entry.deliveredVersion,
          },
    expected,
    mend:
      expected === null ? null : { target, entityId, version, mark: entry?.mark ?? null, becomes: expected },
  });
}

async function compareWithArrivals<State, Event>(
  parts: CompareParts<State, Event>,
  doubtful: readonly Doubtful[],
): Promise<Difference[]> {
  const differences: Difference[] = [];
  const ids = [...new Set(doubtful.map(({ look }) => look.record.entityId))];
  const arrivals = await parts.store.readAsArrived(ids);
  for (const { look, ledger, facts } of doubtful) {
    const { record, folded } = look;
    const arrived = arrivals.get(record.entityId)?.slice(0, record.version) ?? [];
    const known =
      folded !== null && arrived.length === record.version
        ? formerStates(parts, arrived, folded, ledger)
        : {};
    addLedgerDifference(differences, record, ledger, { ...facts, ...known });
  }
  return differences;
}

/** Folds the first events of the entity, as the commits of that time did. Knows nothing if that throws. */
function formerStates<State, Event>(
  { domain, decoder }: CompareParts<State, Event>,
  arrived: readonly JournaledEvent[],
  present: Folded,
  { entry, acceptedVersion }: LedgerRecord,
): Partial<LedgerFacts> {
  const restored = restoreAll(decoder, arrived);
  if ('reason' in restored) return {};
  const { events } = restored;
  const isPresentAt = (version: number | null) => {
    if (version === null || version < 1 || version > events.length) return null;
    const { row } = foldedRow(domain, historyOf(domain, events.slice(0, version)).state);
    return isSameRow(row, present.row);
  };
  try {
    return {
      isDueRowPresent: isPresentAt(entry?.dueVersion ?? null),
      isAcceptedRowPresent: isPresentAt(acceptedVersion),
      wasReady: present.isReady || wasEverReady(domain, events),
    };
  } catch {
    return {};
  }
}

function wasEverReady<State, Event>(
  domain: Domain<State, Event>,
  events: readonly Sequenced<Event>[],
): boolean | null {
  if (events.length > READY_EVENTS_MAX) return null;
  let history = emptyHistory<State, Event>(domain);
  for (const event of events) {
    history = merge(domain, history, [event]).history;
    if (domain.view.isReady(history.state)) return true;
  }
  return false;
}
