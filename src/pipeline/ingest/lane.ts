import { TributaryError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CheckpointMove } from '../../ports/commit.ts';
import type { EventLogConsumer, FetchedRecords } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { Tracing } from '../../ports/tracing.ts';
import { Gate } from '../gate.ts';
import { OVER } from '../linked-abort.ts';
import type { Meters } from '../status/meters.ts';
import { BatchPlan, type NewlyParked } from './batch-plan.ts';
import { LaneSpans } from './lane-spans.ts';
import { LongHistories, type LongLimits, type Unprepared } from './long-histories.ts';
import { Newcomers } from './newcomers.ts';
import type { BatchTally, CommitReport } from './options.ts';
import { type OwnedPartition, OwnedPartitions } from './owned-partitions.ts';
import { PendingPieces, type Piece } from './pending.ts';
import { PieceMaker } from './piece-maker.ts';
import type { PlanContext } from './plan-context.ts';
import type { QuarantineWatch } from './quarantine-watch.ts';
import type { Watchdog } from './watchdog.ts';
import type { WorkTimes } from './work-times.ts';

/** What all lanes of one instance share. */
export interface LaneContext<State, Event> extends PlanContext<State, Event> {
  readonly consumer: EventLogConsumer;
  readonly watchdog: Watchdog;
  readonly quarantine: QuarantineWatch;
  readonly meters: Meters;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The most events of one transaction. */
  readonly batchEvents: number;
  readonly longLimits: LongLimits;
  /** Undefined if nobody records spans. */
  readonly tracing: Tracing | undefined;
  readonly times: WorkTimes;
  /** The name of the consumer group, for spans. */
  readonly group: string;
  readonly onCommitted: (report: CommitReport) => void;
}

/** Why a lane ended: it was stopped, another instance owns one of its partitions, or an error. */
export type LaneEnd = { kind: 'stopped' } | { kind: 'fenced' } | { kind: 'failed'; error: unknown };

const BUSY_BACKOFF: Backoff = { baseMs: 10, capMs: 500 };
const MAX_BUSY_ATTEMPTS = 20;
/**
 * A batch that has met locks for this long ends its lane. Its partitions are then acquired one by one, so that only the
 * one with the locked row waits.
 */
const MAX_BUSY_MS = 15_000;
/** The most bytes that are taken at once, and that one transaction commits. It limits batches of few large records. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
/** After a stale batch this many batches lock their entities first, and twice as many after the next stale one. */
const FIRST_PENALTY = 16;
const MAX_PENALTY = 4_096;
/** The most times that a batch with locked entities may be stale: only parking and releasing an entity make it so. */
const MAX_STALE_LOCKED = 5;
/** The time that a batch waits for a long entity to be prepared before its partitions are held back. */
const PATIENCE_MS = 1_000;
/** The most times that the long entities of one batch are prepared while other instances keep changing them. */
const MAX_PREPARATIONS = 20;
/** The most parked entities of one batch that get a log line of their own. */
const PARKED_LOGGED_MAX = 5;
const PARKED_MEANS =
  'Its events are still journaled, but its row and its deliveries do not change. List such entities with "order-sync parked"; ' +
  'once the program understands them, let them go on with "order-sync unpark".';

/**
 * One line of transactions over some of the partitions. Two loops run side by side:
 *
 *   feed    taking --> decoding --> (room for more?) --> taking ...
 *   commit  waiting --> committing all that has been decoded, up to a limit --> waiting ...
 *
 * So a batch holds what arrived while the last one was committed: one event when it is quiet, thousands under load. A
 * lane never repairs itself. On any error it ends, and its owner acquires the partitions again and starts from their
 * checkpoints.
 */
export class Lane<State, Event> {
  readonly #context: LaneContext<State, Event>;
  readonly #owned: OwnedPartitions;
  readonly #stopping = new AbortController();
  /** Aborted when nothing more is to be taken from the log. */
  readonly #fed = new AbortController();
  readonly #changed = new Gate();
  readonly #pending = new PendingPieces<Event>();
  readonly #newcomers = new Newcomers();
  readonly #maker: PieceMaker<Event>;
  readonly #long: LongHistories<State, Event>;
  readonly #spans: LaneSpans;
  /** The preparations of long entities that the lane does not wait for. */
  readonly #preparing = new Set<Promise<void>>();
  /** Aborted when a partition is held back or let go, so that the feed takes from other partitions, and with `#fed`. */
  #feedTurn = new AbortController();
  #isFeeding = true;
  #lockingLeft = 0;
  #penalty = FIRST_PENALTY;

  constructor(context: LaneContext<State, Event>, partitions: readonly OwnedPartition[]) {
    this.#context = context;
    const { domain, decoder, store, logger, longLimits: limits } = context;
    this.#long = new LongHistories({ domain, decoder, journals: store.longJournals, logger, limits });
    this.#spans = new LaneSpans(context.tracing, context.group);
    this.#maker = new PieceMaker(decoder, context.batchEvents);
    this.#owned = new OwnedPartitions(partitions);
  }

  get partitions(): readonly OwnedPartition[] {
    return this.#owned.list;
  }

  /** Runs until `stop`, or until an error ends it. Never rejects. The consumer must follow the partitions already. */
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

  /** Drops everything that is not being committed yet. `run` resolves once the commit in hand has its answer. */
  stop(): void {
    this.#end({ kind: 'stopped' });
  }

  /** Takes nothing more and commits what it has. `run` resolves once that is done. */
  finish(): void {
    this.#endFeed();
  }

  #ended: LaneEnd = { kind: 'stopped' };

  #end(end: LaneEnd): void {
    if (this.#stopping.signal.aborted) return;
    this.#ended = end;
    this.#stopping.abort(OVER);
    this.#endFeed();
    this.#changed.open();
  }

  #endFeed(): void {
    this.#fed.abort(OVER);
    this.#feedTurn.abort(OVER);
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
        ? this.#owned.list.filter((partition) => !this.#pending.isHeld(partition))
        : this.#owned.list;
      const beganAtMs = clock.now();
      const taken = await consumer.take(partitions, limits, turn);
      this.#spans.polled(taken, beganAtMs);
      if (taken.length === 0 && turn.aborted) continue;
      if (taken.length === 0 && !signal.aborted) {
        // The consumer follows none of the lane's partitions any more, so the feed waits for a change.
        await this.#changed.wait(signal);
        continue;
      }
      for (const fetched of taken) {
        const preparing = this.#context.decoder.prepare(fetched.records, fetched.topic);
        if (preparing !== null) await preparing;
        this.#decode(fetched);
        // Lets the answers of the store in, because other lanes on this thread wait for them.
        await clock.sleep(0);
      }
      this.#changed.open();
    }
  }

  #decode(fetched: FetchedRecords): void {
    const { clock, times } = this.#context;
    const beganMs = clock.monotonicMs();
    for (const piece of this.#maker.piecesOf(fetched, clock.now())) this.#pending.push(piece);
    if (fetched.records.length > 0) times.decode.add(clock.monotonicMs() - beganMs);
  }

  async #commitLoop(signal: AbortSignal): Promise<void> {
    const { clock, times } = this.#context;
    while (!signal.aborted) {
      if (this.#pending.isEmpty) {
        if (!this.#isFeeding && !this.#pending.isHoldingBack) return this.#end({ kind: 'stopped' });
        await this.#changed.wait(signal);
        continue;
      }
      const pieces = this.#pending.take({ events: this.#context.batchEvents, bytes: MAX_BATCH_BYTES });
      this.#changed.open();
      const beganMs = clock.monotonicMs();
      if (!(await this.#spans.processing(pieces, () => this.#commit(pieces)))) this.#end({ kind: 'fenced' });
      else times.commit.add(clock.monotonicMs() - beganMs);
    }
  }

  /** Commits the pieces as one batch. Resolves with false if another instance owns a partition of the batch. */
  async #commit(pieces: readonly Piece<Event>[]): Promise<boolean> {
    const { cache, parked, store, clock, logger } = this.#context;
    const moves = this.#owned.moves(pieces);
    const events = pieces.flatMap((piece) => piece.events);
    const quarantined = pieces.flatMap((piece) => piece.rejected);
    let staleLocked = 0;
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
            logger(
              'warn',
              'The store lacks events that this instance wrote: it was restored, or is another server.',
            );
          }
          return true;
        }
        // An entity may have been parked or released since the list of parked ones was read.
        parked.add(outcome.parked ?? []);
        if (plan.entityIds.some((entityId) => parked.has(entityId))) await parked.load(store);
        if (mode === 'locking' && ++staleLocked > MAX_STALE_LOCKED) throw keepsChanging(plan.entityIds);
        // If the plan took an entity for new, the guess was wrong. Otherwise another process writes the same entities,
        // and the next batches lock theirs.
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
        logger('debug', error.message, { attempt });
        this.#lockFromNowOn();
        await clock.sleep(fullJitterMs(BUSY_BACKOFF, attempt, clock.random()), this.#stopping.signal);
        if (this.#stopping.signal.aborted) throw error;
      }
    }
  }

  /**
   * Prepares long entities. Most are prepared within a second; the partitions with events of one that takes longer are
   * held back until it is prepared, so that the lane's other partitions go on. Resolves with the pieces to go on with.
   */
  async #prepare(
    unprepared: readonly Unprepared[],
    pieces: readonly Piece<Event>[],
  ): Promise<readonly Piece<Event>[]> {
    const { clock, logger, watchdog } = this.#context;
    const { signal } = this.#stopping;
    const preparing = this.#long.prepare(unprepared, signal);
    const patience = clock.sleep(PATIENCE_MS, signal).then(() => false);
    if (await Promise.race([preparing.then(() => true), patience])) return pieces;

    const ids = new Set(unprepared.map(({ entityId }) => entityId));
    const held = new Map<string, Piece<Event>[]>();
    for (const piece of pieces)
      if (piece.events.some(({ entityId }) => ids.has(entityId))) held.set(partitionName(piece), []);
    for (const piece of pieces) held.get(partitionName(piece))?.push(piece);
    const partitions = this.#owned.list.filter((partition) => held.has(partitionName(partition)));
    for (const partition of partitions)
      this.#pending.hold(partition, held.get(partitionName(partition)) ?? []);
    this.#turnFeed();
    const reason = `the long history of ${quoted(unprepared[0]?.entityId ?? '', 255)} is being read`;
    watchdog.note(partitions, reason);
    logger('info', `Partitions wait: ${reason}`, { partitions: [...held.keys()].join(' ') });
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
    this.#feedTurn.abort(OVER);
    this.#feedTurn = new AbortController();
    this.#changed.open();
  }

  #report(newlyParked: readonly NewlyParked[]): void {
    for (const { entityId, reason, detail } of newlyParked.slice(0, PARKED_LOGGED_MAX))
      this.#context.logger('error', `${quoted(entityId, 255)} is parked: ${detail} ${PARKED_MEANS}`, {
        reason,
      });
    const more = newlyParked.length - PARKED_LOGGED_MAX;
    if (more > 0)
      this.#context.logger('error', `${more} more entities of the same batch are parked. ${PARKED_MEANS}`);
  }

  #lockFromNowOn(): void {
    if (this.#lockingLeft > 0) return;
    this.#lockingLeft = this.#penalty;
    this.#penalty = Math.min(MAX_PENALTY, this.#penalty * 2);
  }

  #advance(
    moves: readonly CheckpointMove[],
    pieces: readonly Piece<Event>[],
    tally: BatchTally,
    deliveriesDue: number,
    locking: boolean,
  ): void {
    if (this.#lockingLeft > 0) this.#lockingLeft--;
    this.#owned.advance(moves);
    this.#context.quarantine.committed(pieces);
    this.#context.meters.committed(pieces, deliveriesDue);
    this.#maker.committed(pieces);
    this.#context.onCommitted({
      ...tally,
      deliveriesDue,
      locking,
      consumed: pieces.reduce((sum, piece) => sum + piece.consumed, 0),
      quarantined: pieces.reduce((sum, piece) => sum + piece.rejected.length, 0),
      offsets: moves.map(({ topic, partition, toOffset }) => ({ topic, partition, offset: toOffset })),
    });
  }
}

function keepsChanging(entityIds: readonly string[]): TributaryError {
  return new TributaryError(
    'store_failed',
    `The store refused a batch ${MAX_STALE_LOCKED + 1} times although its ${entityIds.length} entities were locked, ` +
      `the first of them ${quoted(entityIds[0] ?? '', 255)}: something other than this program writes to its tables.`,
  );
}
