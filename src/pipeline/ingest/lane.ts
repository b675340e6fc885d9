import { DefectError, TributaryError } from '../../core/errors.ts';
import { comparePartitions, partitionName, type TopicPartition } from '../../core/offset.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLogConsumer, FetchedRecords, FollowPosition } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import type { CheckpointMove, QuarantinedRecord, Store } from '../../ports/store.ts';
import type { DecodedEvent } from '../decode/decoder.ts';
import { Gate } from '../gate.ts';
import { BatchPlan, type NewlyParked, type PlanContext } from './batch-plan.ts';
import { LongHistories, type LongLimits, type Unprepared } from './long-histories.ts';
import { Newcomers } from './newcomers.ts';
import type { BatchTally, CommitReport } from './options.ts';
import { PendingPieces, type Piece } from './pending.ts';
import type { QuarantineWatch } from './quarantine-watch.ts';
import type { Watchdog } from './watchdog.ts';

/** What all lanes of one instance share. */
export interface LaneContext<State, Event> extends PlanContext<State, Event> {
  readonly consumer: EventLogConsumer;
  readonly watchdog: Watchdog;
  readonly quarantine: QuarantineWatch;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The most events of one transaction. */
  readonly batchEvents: number;
  readonly longLimits: LongLimits;
  readonly onCommitted: (report: CommitReport) => void;
}

/** A partition that this instance has claimed, and how far it is committed. */
export interface OwnedPartition extends TopicPartition {
  readonly epoch: bigint;
  committed: bigint;
  /** The log's leader epoch of the last record that is committed. */
  leaderEpoch: number;
}

/** Where the log is to be read on from, with the proof that it still is the log that was journaled. */
export function followPositionOf({
  topic,
  partition,
  committed,
  leaderEpoch,
}: OwnedPartition): FollowPosition {
  return { topic, partition, offset: committed, leaderEpoch };
}

/** Why a lane ended: it was asked to, somebody else owns one of its partitions, or something failed. */
export type LaneEnd = { kind: 'stopped' } | { kind: 'fenced' } | { kind: 'failed'; error: unknown };

const BUSY_BACKOFF: Backoff = { baseMs: 10, capMs: 500 };
const MAX_BUSY_ATTEMPTS = 20;
/** A batch that met locks for so long ends its lane: claimed one by one, only the partition with the lock waits on. */
const MAX_BUSY_MS = 15_000;
/** Of what is taken at once, and of one transaction: few records may be as large as many. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
/** Small enough that the partitions of a lane can take turns inside one transaction. */
const MAX_PIECE_RECORDS = 250;
/** After a conflict, so many batches lock their entities first; twice as many after the next one, to a limit. */
const FIRST_PENALTY = 16;
const MAX_PENALTY = 4_096;
/** A batch whose entities are locked is refused only because a parked entity was released meanwhile. */
const MAX_LOCKED_CONFLICTS = 5;
/** How long a batch waits for a long entity to be read, before its partition is held back. */
const PATIENCE_MS = 1_000;
/** How often the long entities of one batch are prepared, while somebody else keeps changing them. */
const MAX_PREPARATIONS = 20;
/** At most this many parked entities of one batch have a line of their own in the log. */
const PARKED_LOGGED_MAX = 5;
const PARKED_MEANS =
  'Its events are journaled, its row and its deliveries stand still. List such entities with "order-sync parked"; ' +
  'once the program understands them, let them go on with "order-sync unpark".';

/**
 * One line of transactions over some of the partitions. Two loops run side by side:
 *
 *   feed    taking --> decoding --> (room for more?) --> taking ...
 *   commit  waiting --> committing all that has been decoded, up to a limit --> waiting ...
 *
 * so a batch is what arrived while the last one was committed: one event when it is quiet, thousands under
 * load. A lane never repairs itself: on anything unexpected it ends, and its owner claims the partitions again
 * and starts from the checkpoints.
 */
export class Lane<State, Event> {
  readonly #context: LaneContext<State, Event>;
  readonly #owned: ReadonlyMap<string, OwnedPartition>;
  readonly #partitions: readonly OwnedPartition[];
  readonly #stopping = new AbortController();
  /** Aborted once nothing more is to be taken. */
  readonly #fed = new AbortController();
  readonly #changed = new Gate();
  readonly #pending = new PendingPieces<Event>();
  readonly #newcomers = new Newcomers();
  readonly #long: LongHistories<State, Event>;
  /** The reading of long entities that the lane does not wait for. */
  readonly #preparing = new Set<Promise<void>>();
  /** Aborted when a partition is held back or let go: other partitions are to be taken then. */
  #feedTurn = new AbortController();
  #isFeeding = true;
  #lockingLeft = 0;
  #penalty = FIRST_PENALTY;

  constructor(context: LaneContext<State, Event>, partitions: readonly OwnedPartition[]) {
    this.#context = context;
    const { domain, decoder, store, log, longLimits: limits } = context;
    this.#long = new LongHistories({ domain, decoder, journals: store.longJournals, log, limits });
    this.#partitions = [...partitions].sort(comparePartitions);
    this.#owned = new Map(this.#partitions.map((partition) => [partitionName(partition), partition]));
  }

  get partitions(): readonly OwnedPartition[] {
    return this.#partitions;
  }

  /** Runs until `stop`, or until it can't go on; never rejects. The partitions must be followed already. */
  async run(): Promise<LaneEnd> {
    const { signal } = this.#stopping;
    const feeding = this.#feed(this.#fed.signal)
      .catch((error: unknown) => this.#end({ kind: 'failed', error }))
      .then(() => {
        this.#isFeeding = false;
        this.#changed.open();
      });
    const committing = this.#commitLoop(signal).catch((error: unknown) =>
      this.#end({ kind: 'failed', error }),
    );
    await Promise.all([feeding, committing]);
    await Promise.allSettled(this.#preparing);
    return this.#ended;
  }

  /** Drops what is not being committed yet; `run` resolves once the commit in hand has its answer. */
  stop(): void {
    this.#end({ kind: 'stopped' });
  }

  /** Takes nothing more and commits what it has; `run` resolves once that is done. */
  finish(): void {
    this.#fed.abort();
  }

  #ended: LaneEnd = { kind: 'stopped' };

  #end(end: LaneEnd): void {
    if (this.#stopping.signal.aborted) return;
    this.#ended = end;
    this.#stopping.abort();
    this.#fed.abort();
    this.#changed.open();
  }

  async #feed(signal: AbortSignal): Promise<void> {
    const { consumer, batchEvents, clock } = this.#context;
    const limits = { maxRecords: batchEvents, maxBytes: MAX_BATCH_BYTES };
    while (!signal.aborted) {
      if (this.#pending.isFull({ events: batchEvents / 2, bytes: MAX_BATCH_BYTES })) {
        await this.#changed.wait(signal);
        continue;
      }
      const turn = this.#feedTurn.signal;
      const partitions = this.#pending.isHoldingBack
        ? this.#partitions.filter((partition) => !this.#pending.isHeld(partition))
        : this.#partitions;
      const taken = await consumer.take(partitions, limits, AbortSignal.any([signal, turn]));
      if (taken.length === 0 && turn.aborted) continue;
      if (taken.length === 0 && !signal.aborted) {
        // Nothing is followed any more: the reading of every partition of this lane has ended.
        await this.#changed.wait(signal);
        continue;
      }
      for (const fetched of taken) {
        this.#decode(fetched);
        // The lanes share one thread: the answers of the store that have come in meanwhile are waited for more.
        await clock.sleep(0);
      }
      this.#changed.open();
    }
  }

  #decode(fetched: FetchedRecords): void {
    const { decoder, clock, batchEvents } = this.#context;
    const { topic, partition, records, leaderEpoch } = fetched;
    const observedAtMs = clock.now();
    const pieceRecords = Math.min(batchEvents, MAX_PIECE_RECORDS);
    for (let from = 0; from === 0 || from < records.length; from += pieceRecords) {
      const events: DecodedEvent<Event>[] = [];
      const rejected: QuarantinedRecord[] = [];
      const end = Math.min(records.length, from + pieceRecords);
      let bytes = 0;
      for (let index = from; index < end; index++) {
        const record = records[index] as (typeof records)[number];
        bytes += record.value?.length ?? 0;
        const decoded = decoder.decode(record, fetched, observedAtMs);
        if (decoded.kind === 'event') events.push(decoded.event);
        else rejected.push(decoded.record);
      }
      const toOffset = records[end]?.offset ?? fetched.nextOffset;
      const timestampMs = records[from]?.timestampMs ?? Number.NEGATIVE_INFINITY;
      const consumed = end - from;
      const piece = { topic, partition, toOffset, leaderEpoch, timestampMs, consumed, bytes };
      this.#pending.push({ ...piece, events, rejected });
    }
  }

  async #commitLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#pending.isEmpty) {
        if (!this.#isFeeding && !this.#pending.isHoldingBack) return this.#end({ kind: 'stopped' });
        await this.#changed.wait(signal);
        continue;
      }
      const pieces = this.#pending.take({ events: this.#context.batchEvents, bytes: MAX_BATCH_BYTES });
      this.#changed.open();
      if (!(await this.#commit(pieces))) this.#end({ kind: 'fenced' });
    }
  }

  /** Resolves with false if somebody else owns a partition of the batch. */
  async #commit(pieces: readonly Piece<Event>[]): Promise<boolean> {
    const { cache, parked, store, clock, log } = this.#context;
    const moves = this.#moves(pieces);
    const events = pieces.flatMap((piece) => piece.events);
    const quarantined = pieces.flatMap((piece) => piece.rejected);
    let lockedConflicts = 0;
    let preparations = 0;
    const begunMs = clock.monotonicMs();
    for (let attempt = 1; ; attempt++) {
      cache.believe(store.generation);
      this.#long.believe(store.generation);
      const plan = new BatchPlan(this.#context, this.#newcomers, this.#long, events, clock.now());
      const mode = this.#lockingLeft > 0 ? 'locking' : 'optimistic';
      try {
        const commit = store.commit({
          moves,
          quarantined,
          entityIds: plan.entityIds,
          mode,
          plan: (versions, readJournals) => plan.plan(versions, readJournals),
        });
        const outcome = await this.#context.watchdog.follow(moves, commit);
        if (outcome.kind === 'fenced') return false;
        if (outcome.kind === 'committed') {
          this.#advance(moves, pieces, plan.remember(), outcome.deliveriesDue, mode === 'locking');
          this.#report(plan.newlyParked);
          if (plan.isStoreBehind) {
            cache.clear();
            log(
              'warn',
              'The store lacks events that this instance wrote: it was restored, or is another server.',
            );
          }
          return true;
        }
        // An entity may have been released since the list of parked ones was read.
        if (plan.entityIds.some((entityId) => parked.has(entityId))) await parked.load(store);
        if (mode === 'locking' && ++lockedConflicts > MAX_LOCKED_CONFLICTS)
          throw keepsChanging(plan.entityIds);
        // A guess is only taken back; a conflict without one means that somebody else writes the same entities.
        if (plan.isGuessed) this.#newcomers.refused();
        else this.#lockFromNowOn();
      } catch (error) {
        if (plan.unprepared.length > 0 && ++preparations <= MAX_PREPARATIONS) {
          const rest = await this.#prepare(plan.unprepared, pieces);
          if (this.#stopping.signal.aborted) throw error;
          if (rest === pieces) continue;
          return rest.length === 0 || this.#commit(rest);
        }
        const isBusy = error instanceof TributaryError && error.code === 'store_busy';
        const hasWaited = clock.monotonicMs() - begunMs >= MAX_BUSY_MS;
        if (!isBusy || hasWaited || attempt >= MAX_BUSY_ATTEMPTS) throw error;
        log('debug', error.message, { attempt });
        this.#lockFromNowOn();
        await clock.sleep(fullJitterMs(BUSY_BACKOFF, attempt, clock.random()), this.#stopping.signal);
        if (this.#stopping.signal.aborted) throw error;
      }
    }
  }

  /**
   * Has long entities read. Most are read in a moment; partitions with events of one that takes longer are held back
   * until it is read, so that the lane's other partitions go on. Resolves with the pieces to go on with.
   */
  async #prepare(
    unprepared: readonly Unprepared[],
    pieces: readonly Piece<Event>[],
  ): Promise<readonly Piece<Event>[]> {
    const { clock, log, watchdog } = this.#context;
    const { signal } = this.#stopping;
    const preparing = this.#long.prepare(unprepared, signal);
    const patience = clock.sleep(PATIENCE_MS, signal).then(() => false);
    if (await Promise.race([preparing.then(() => true), patience])) return pieces;

    const ids = new Set(unprepared.map(({ entityId }) => entityId));
    const held = new Map<string, Piece<Event>[]>();
    for (const piece of pieces)
      if (piece.events.some(({ entityId }) => ids.has(entityId))) held.set(partitionName(piece), []);
    for (const piece of pieces) held.get(partitionName(piece))?.push(piece);
    const partitions = this.#partitions.filter((partition) => held.has(partitionName(partition)));
    for (const partition of partitions)
      this.#pending.hold(partition, held.get(partitionName(partition)) ?? []);
    this.#turnFeed();
    const reason = `the long history of ${quoted(unprepared[0]?.entityId ?? '', 255)} is being read`;
    watchdog.note(partitions, reason);
    log('info', `Partitions wait: ${reason}`, { partitions: [...held.keys()].join(' ') });
    const done = preparing
      .then(() => {
        for (const partition of partitions) this.#pending.letGo(partition);
        this.#turnFeed();
      })
      .catch((error: unknown) => this.#end({ kind: 'failed', error }))
      .finally(() => this.#preparing.delete(done));
    this.#preparing.add(done);
    return pieces.filter((piece) => !held.has(partitionName(piece)));
  }

  #turnFeed(): void {
    this.#feedTurn.abort();
    this.#feedTurn = new AbortController();
    this.#changed.open();
  }

  #report(newlyParked: readonly NewlyParked[]): void {
    for (const { entityId, reason, detail } of newlyParked.slice(0, PARKED_LOGGED_MAX))
      this.#context.log('error', `${quoted(entityId, 255)} is parked: ${detail} ${PARKED_MEANS}`, { reason });
    const more = newlyParked.length - PARKED_LOGGED_MAX;
    if (more > 0)
      this.#context.log('error', `${more} more entities of the same batch are parked. ${PARKED_MEANS}`);
  }

  #lockFromNowOn(): void {
    if (this.#lockingLeft > 0) return;
    this.#lockingLeft = this.#penalty;
    this.#penalty = Math.min(MAX_PENALTY, this.#penalty * 2);
  }

  #moves(pieces: readonly Piece<Event>[]): CheckpointMove[] {
    const moves = new Map<string, CheckpointMove>();
    for (const { topic, partition, toOffset, leaderEpoch } of pieces) {
      const name = partitionName({ topic, partition });
      const owned = this.#owned.get(name);
      if (owned === undefined)
        throw new DefectError(`Records of ${name} came to a lane that does not hold it.`);
      const { epoch, committed: fromOffset } = owned;
      moves.set(name, { topic, partition, epoch, fromOffset, toOffset, leaderEpoch });
    }
    return [...moves.values()].sort(comparePartitions);
  }

  #advance(
    moves: readonly CheckpointMove[],
    pieces: readonly Piece<Event>[],
    tally: BatchTally,
    deliveriesDue: number,
    locking: boolean,
  ): void {
    if (this.#lockingLeft > 0) this.#lockingLeft--;
    for (const move of moves) {
      const owned = this.#owned.get(partitionName(move));
      if (owned === undefined) continue;
      owned.committed = move.toOffset;
      owned.leaderEpoch = move.leaderEpoch;
    }
    this.#context.quarantine.committed(pieces);
    this.#context.onCommitted({
      ...tally,
      deliveriesDue,
      locking,
      consumed: pieces.reduce((sum, piece) => sum + piece.consumed, 0),
      quarantined: pieces.reduce((sum, piece) => sum + piece.rejected.length, 0),
      positions: moves.map(({ topic, partition, toOffset }) => ({ topic, partition, offset: toOffset })),
    });
  }
}

function keepsChanging(entityIds: readonly string[]): TributaryError {
  return new TributaryError(
    'store_failed',
    `The store refused a batch ${MAX_LOCKED_CONFLICTS + 1} times although its ${entityIds.length} entities were locked, ` +
      `the first of them ${quoted(entityIds[0] ?? '', 255)}: something other than this program writes to its tables.`,
  );
}
