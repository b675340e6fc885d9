/** Calls with which ingest owns partitions and commits batches. */
import { compareSequence, isSameEvent } from '../../../src/core/sequence.ts';
import { compareUtf8 } from '../../../src/core/text.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type {
  CheckpointMove,
  DeliveryChange,
  EntityChange,
  IngestBatch,
  Parking,
} from '../../../src/ports/commit.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../../src/ports/event-log.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import type { LongChange } from '../../../src/ports/long-journals.ts';
import type { QuarantinedRecord } from '../../../src/ports/quarantine.ts';
import type { Drawing } from './history.ts';
import { checkpoints, commitOutcome, keyOf, without } from './normal.ts';
import {
  decision,
  drawEvent,
  ENTITIES,
  hashOf,
  kind,
  PARTITIONS,
  pickOrNull,
  ROWS,
  type StoreCaller,
  some,
  TARGETS,
} from './store-caller.ts';

const PARK_REASONS = ['event_not_understood', 'fold_failed', 'row_invalid', 'journal_incomplete'] as const;
const REASONS = ['json_invalid', 'schema_invalid', 'JSON_invalid'] as const;
const KEYS = [null, Uint8Array.of(), Uint8Array.of(0x00, 0x80), Buffer.from('key')] as const;
const VALUES = [null, Uint8Array.of(0xff, 0, 0x27), Buffer.from('{'), Buffer.from('[')] as const;

export const ingestKinds = [
  kind('acquire', 6, async (caller, { store, random, by, ...drawing }) => {
    const wanted = some({ ...drawing, random, by }, PARTITIONS, 1 + random.below(3));
    const topicId = random.chance(0.9) ? 'topic-id-1' : 'topic-id-2';
    const requests = random
      .shuffled(wanted)
      .map((partition) => ({ ...partition, topicId, startOffset: BigInt(random.below(3)) }));
    const acquired = await caller.ask('acquire', requests, () => store.acquire(requests), checkpoints);
    for (const checkpoint of acquired ?? []) caller.own(by, checkpoint);
  }),
  kind('commit', 26, (caller, drawing) => commit(caller, drawing)),
  kind('a row is removed', 1.5, async (caller, { random }) => {
    const entityId = pickOrNull(random, [...caller.versions.keys()]) ?? 'a';
    await caller.ask('removeRow', entityId, () => caller.removeRow(entityId));
  }),
  kind('halt', 2, async (caller, { store, random, by }) => {
    const partition = random.pick(PARTITIONS);
    const epoch = (caller.ownedOf(by, partition)?.epoch ?? 1n) - (random.chance(0.2) ? 1n : 0n);
    const reason = random.pick(['topic_recreated: “é”', 'log_diverged']);
    await caller.ask('halt', [partition, epoch, reason], () => store.halt(partition, epoch, reason));
  }),
  kind('resume', 2, async (caller, { store, random }) => {
    const resumed = {
      ...random.pick(PARTITIONS),
      offset: BigInt(random.below(8)),
      topicId: random.pick(['topic-id-1', 'topic-id-2']),
      ...decision(caller),
    };
    await caller.ask('resume', resumed, () => store.resume(resumed));
  }),
  kind('checkpoints', 2, async (caller, { store, random }) => {
    await caller.ask('checkpoints', null, () => store.checkpoints(), checkpoints);
    const limit = 1 + random.below(3);
    await caller.ask('listResumed', limit, () => store.listResumed(limit));
  }),
];

type Given = Drawing & { readonly store: ReturnType<StoreCaller['store']> };

async function commit(caller: StoreCaller, drawing: Given): Promise<void> {
  const { store, random, by } = drawing;
  const mode = random.chance(0.5) ? 'optimistic' : 'locking';
  const moves = drawMoves(caller, drawing);
  const quarantined = moves.flatMap((move) => drawQuarantined(drawing, move));
  const entityIds = some(drawing, [...ENTITIES].sort(compareUtf8), 1, 3);
  const viewEpoch = random.chance(0.3) ? pickOrNull(random, caller.viewEpochs, 2) : null;
  const drawn = entityIds.map((entityId) => drawChange(caller, drawing, entityId));
  const rows = await caller.ask('readView', entityIds, () => store.readView(entityIds));
  // An optimistic plan may not be given the journal of an entity without a row (`IngestBatch.plan`).
  const isLeftOut = (entityId: string) => mode === 'optimistic' && rows?.has(entityId) !== true;
  let changes: readonly EntityChange[] = [];
  const batch: IngestBatch = {
    moves,
    quarantined,
    entityIds,
    mode,
    ...(viewEpoch === null ? {} : { viewEpoch }),
    plan: async (versions, readJournals) => {
      caller.note('plan', versions);
      const read = await readJournals(entityIds);
      const journals = new Map([...read].filter(([entityId]) => !isLeftOut(entityId)));
      caller.note('readJournals in the plan', journals);
      changes = planned(caller, drawn, mode, versions, journals);
      caller.note('changes', changes);
      return changes;
    },
  };
  const outcome = await caller.ask(
    'commit',
    without(batch, 'plan'),
    () => store.commit(batch),
    (given) => commitOutcome(given, changes),
  );
  if (outcome?.kind !== 'committed') return;
  for (const move of moves) {
    const owned = caller.ownedOf(by, move) as Checkpoint;
    caller.own(by, { ...owned, nextOffset: move.toOffset, leaderEpoch: move.leaderEpoch });
  }
  for (const record of quarantined) caller.remember(record);
  for (const change of changes) learn(caller, change);
}

function learn(caller: StoreCaller, { entityId, version, parking, events }: EntityChange): void {
  caller.versions.set(entityId, version);
  if (parking?.kind === 'park') caller.parked.add(entityId);
  if (parking?.kind === 'release') caller.parked.delete(entityId);
  for (const event of events) caller.keys.push(keyOf(event));
}

/** Moves of this process's checkpoints, now and then of another's, or to a wrong place. */
function drawMoves(caller: StoreCaller, { by, random, ...drawing }: Drawing): CheckpointMove[] {
  return some({ ...drawing, by, random }, PARTITIONS).flatMap((partition) => {
    const owned = caller.ownedOf(by, partition);
    if (owned === undefined) return [];
    const fromOffset = owned.nextOffset + (random.chance(0.05) ? 1n : 0n);
    return [
      {
        ...partition,
        epoch: owned.epoch - (random.chance(0.05) ? 1n : 0n),
        fromOffset,
        toOffset: fromOffset + BigInt(random.below(4)),
        leaderEpoch: random.below(4) + UNKNOWN_LEADER_EPOCH,
      },
    ];
  });
}

function drawQuarantined({ random, ...drawing }: Drawing, move: CheckpointMove): QuarantinedRecord[] {
  const { topic, partition, fromOffset, toOffset } = move;
  const length = Number(toOffset - fromOffset);
  return Array.from({ length: Math.min(length, drawing.count(2)) }, (_, index) => {
    const value = random.pick(VALUES);
    return {
      topic,
      partition,
      offset: fromOffset + BigInt(index),
      reason: random.pick(REASONS),
      detail: 'It’s no JSON: byte 0 is not allowed — 😀.',
      key: random.pick(KEYS),
      value,
      valueLength: value?.length ?? 0,
      valueHash: hashOf(value ?? ''),
      headers: Uint8Array.of(1, 2, 0, 255),
      observedAtMs: Date.UTC(2026, 0, 2 + random.below(3)),
    };
  });
}

/** What a plan may do to an entity, before it knows the journal. */
interface DrawnChange {
  readonly entityId: string;
  readonly skew: number;
  readonly events: readonly JournaledEvent[];
  readonly row: EntityChange['row'];
  readonly parking: Parking | undefined;
  readonly delivery: DeliveryChange;
  readonly replaces: string | undefined;
  /** The fold version of the ladder that the change takes for the right one; undefined leaves the index behind. */
  readonly ladder: number | undefined;
}

function drawChange(caller: StoreCaller, drawing: Drawing, entityId: string): DrawnChange {
  const { random } = drawing;
  const isParked = caller.parked.has(entityId) !== random.chance(0.1);
  const parks = random.chance(0.1);
  const isReleased = isParked && random.chance(0.4);
  const row = (isParked && !isReleased) || parks ? null : random.pick(ROWS);
  // Nothing becomes due of an entity whose row stays as it is.
  const hasChanged = row !== null && random.chance(0.75);
  return {
    entityId,
    skew: random.pick([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1]),
    events: Array.from({ length: drawing.count(4) }, () => drawEvent(random, entityId)),
    row,
    parking: drawParking(caller, drawing, { isParked, isReleased, parks }),
    delivery: { hasChanged, qualifiesFor: hasChanged ? some(drawing, TARGETS, random.below(2)) : [] },
    replaces: random.chance(0.3) ? hashOf(`state ${random.below(3)}`) : undefined,
    ladder: caller.indexed.has(entityId) && random.chance(0.8) ? random.pick([1, 1, 1, 2]) : undefined,
  };
}

function drawParking(
  caller: StoreCaller,
  { random }: Drawing,
  { isParked, isReleased, parks }: { isParked: boolean; isReleased: boolean; parks: boolean },
): Parking | undefined {
  const reason = random.pick(PARK_REASONS);
  if (parks) return { kind: 'park', reason, detail: 'It’s odd — 😀.', parkedAtMs: caller.clock.now() };
  if (isReleased) return { kind: 'release' };
  return isParked ? { kind: 'parked' } : undefined;
}

/** The changes that the drawn ones become: without events that the journal has, and with the versions that it has. */
function planned(
  caller: StoreCaller,
  drawn: readonly DrawnChange[],
  mode: IngestBatch['mode'],
  versions: ReadonlyMap<string, number> | null,
  journals: ReadonlyMap<string, readonly JournaledEvent[]>,
): EntityChange[] {
  return drawn.flatMap(({ entityId, skew, events, delivery, replaces, ladder, row, parking }) => {
    const known = [...(journals.get(entityId) ?? [])];
    const added: JournaledEvent[] = [];
    for (const event of events) {
      if ([...known, ...added].some((one) => isSameEvent(one, event))) continue;
      added.push(event);
    }
    added.sort(compareSequence);
    // Without events a change only writes its row again, or parks its entity.
    const isRested = row === null && parking === undefined;
    if (added.length === 0 && (mode === 'optimistic' || known.length === 0 || isRested)) return [];
    // An optimistic plan takes an entity without a journal for a new one.
    const isNew = mode === 'optimistic' && known.length === 0;
    const believed = isNew ? 0 : (caller.versions.get(entityId) ?? 0);
    const fromVersion = versions?.get(entityId) ?? Math.max(0, believed + skew);
    return [
      {
        entityId,
        fromVersion,
        version: fromVersion + added.length,
        row,
        events: added,
        delivery: replaces !== undefined && added.length === 0 ? { ...delivery, replaces } : delivery,
        ...(parking === undefined ? {} : { parking }),
        ...(ladder === undefined ? {} : { long: longChange(ladder, added) }),
      },
    ];
  });
}

/** Every rung behind a new event is dropped, and the last new event gets one. */
function longChange(foldVersion: number, added: readonly JournaledEvent[]): LongChange {
  const [first, last] = [added[0], added.at(-1)];
  if (first === undefined || last === undefined) return { foldVersion, dropFrom: null, rungs: [] };
  const state = Buffer.from(`state at ${last.eventId}`);
  return { foldVersion, dropFrom: keyOf(first), rungs: [{ last: keyOf(last), state }] };
}
