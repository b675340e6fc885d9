import { describeDefect, isDefect, messageOf } from '../../core/errors.ts';
import { type Position, partitionName, type TopicPartition } from '../../core/offset.ts';
import type { Backoff } from '../../core/retry.ts';
import type { AssignedPartition, EventLogConsumer, PartitionFault } from '../../ports/event-log.ts';
import { Defects } from '../defects.ts';
import { Gate } from '../gate.ts';
import { supervised } from '../supervised.ts';
import { CheckpointWatch } from './checkpoint-watch.ts';
import { Claimer, noteDefect, placeOf } from './claimer.ts';
import { DueRules } from './due.ts';
import { Halts } from './halts.ts';
import { HistoryCache } from './history-cache.ts';
import { Incarnation } from './incarnation.ts';
import { followPositionOf, type Lane, type LaneContext, type LaneEnd, type OwnedPartition } from './lane.ts';
import { LaneSet } from './lane-set.ts';
import { LONG_LIMITS } from './long-histories.ts';
import { addTo, type CommitReport, type IngestOptions, type IngestStatus, NOTHING_YET } from './options.ts';
import { ParkedRegistry } from './parked.ts';
import { QuarantineWatch } from './quarantine-watch.ts';
import { RestoreGuard } from './restore-guard.ts';
import { Troubles } from './troubles.ts';
import { Watchdog } from './watchdog.ts';

/** A claim that waits for the locks of a stopped process succeeds within this time of their end. */
const RECOVERY_BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };
const COURTESY_INTERVAL_MS = 1_000;

/**
 * Keeps journal, view, deliveries and checkpoints up with the log, for the partitions that the group gives to
 * this instance. A partition's life here:
 *
 *   assigned --> claimed (epoch raised) --> in a lane --> revoked or lost
 *                  ^                           |
 *                  +---- after a pause --------+  fenced, or anything failed
 *                                              |
 *                                              +--> halted, until an operator's decision
 *
 * There is one way back from trouble: the lane ends, its partitions are claimed again, and reading starts from
 * the checkpoints. The store's epochs make it harmless that two instances think for a while that they own one.
 */
export class Ingest<State, Event> {
  readonly #options: IngestOptions<State, Event>;
  readonly #consumer: EventLogConsumer;
  readonly #context: LaneContext<State, Event>;
  readonly #stopping = new AbortController();
  readonly #changed = new Gate();
  readonly #assigned = new Map<string, AssignedPartition>();
  readonly #owned = new Map<string, OwnedPartition>();
  readonly #halts: Halts;
  readonly #lanes: LaneSet<State, Event>;
  readonly #totals = { ...NOTHING_YET };
  readonly #troubles: Troubles;
  readonly #parked: ParkedRegistry;
  readonly #guard: RestoreGuard;
  readonly #incarnation: Incarnation;
  readonly #claimer: Claimer;
  readonly #watchdog: Watchdog;
  readonly #defects: Defects;
  /**
   * The partitions that get a lane of their own, by name. `suspected`: a lane of several met a defect, and each of them is
   * alone until its next commit. `known`: the partition met a defect alone, and stays alone.
   */
  readonly #alone = new Map<string, 'suspected' | 'known'>();
  #watching: Promise<unknown> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #claiming: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #nextCourtesyMs = 0;

  constructor(options: IngestOptions<State, Event>) {
    this.#options = options;
    const { log, group, topics, maxBufferedBytes, storeId } = options;
    const ofStore = storeId === undefined ? {} : { store: storeId };
    this.#consumer = log.consumer({ group, topics, maxBufferedBytes, ...ofStore });
    this.#troubles = new Troubles(RECOVERY_BACKOFF, options.clock);
    this.#halts = new Halts(options.logger);
    this.#watchdog = new Watchdog(options.clock, options.logger);
    this.#defects = options.defects ?? new Defects(options.clock, options.logger);
    this.#parked = options.parked ?? new ParkedRegistry();
    this.#guard = new RestoreGuard(options);
    this.#incarnation = new Incarnation(options.store);
    this.#context = {
      domain: options.domain,
      decoder: options.decoder,
      cache: new HistoryCache(options.cacheEvents),
      parked: this.#parked,
      watchdog: this.#watchdog,
      quarantine: options.quarantine ?? new QuarantineWatch(options.clock, options.logger),
      consumer: this.#consumer,
      due: new DueRules(options.targets),
      store: options.store,
      clock: options.clock,
      log: this.#defects.logger,
      batchEvents: options.batchEvents,
      longLimits: options.longLimits ?? LONG_LIMITS,
      onCommitted: (report) => this.#committed(report),
    };
    this.#lanes = new LaneSet({
      context: this.#context,
      isOwned: (partition) => this.#isOwned(partition),
      isAlone: (partition) => this.#alone.has(partitionName(partition)),
      ended: (lane, end) => this.#laneEnded(lane, end),
    });
    this.#claimer = new Claimer(options, {
      assigned: this.#assigned,
      owned: this.#owned,
      changed: this.#changed,
      halts: this.#halts,
      troubles: this.#troubles,
      guard: this.#guard,
      incarnation: this.#incarnation,
      parked: this.#parked,
      defects: this.#defects,
      exclusively: (work) => this.#exclusively(work),
      begin: (claimed, isCoPartitioned) => this.#begin(claimed, isCoPartitioned),
      hold: () => this.#hold(),
    });
  }

  /** Joins the group; partitions come as the group gives them. */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    const run = (place: string, loop: () => Promise<void>) =>
      supervised(place, loop, { defects: this.#defects, clock: this.#options.clock, signal });
    this.#claiming = run('the take-over of partitions', () => this.#claimer.run(signal));
    const standstill = run('the watch of partitions', () =>
      this.#watchdog.run(
        () => this.#owned.values(),
        () => this.#consumer.ends(),
        signal,
      ),
    );
    this.#watching = Promise.all([run('the watch of the checkpoints', () => this.#watch()), standstill]);
    await this.#consumer.start({
      assigned: async (partitions) => {
        for (const partition of partitions) this.#assigned.set(partitionName(partition), partition);
        this.#changed.open();
      },
      revoked: (partitions) => this.#giveUp(partitions, 'given back to the group'),
      lost: (partitions) => this.#giveUp(partitions, 'taken over by another instance'),
      halted: (fault) => this.#halt(fault),
    });
  }

  /** Finishes the commits in hand and leaves the group. May be called twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  status(): IngestStatus {
    const owned = [...this.#owned.values()].map((partition) => ({
      name: partitionName(partition),
      committed: partition.committed,
    }));
    const waiting = this.#claimer.unclaimed().map((partition) => ({
      name: partitionName(partition),
      reason:
        this.#guard.holdsMs > 0
          ? this.#guard.reason
          : (this.#troubles.reason(partition) ?? 'not claimed yet'),
    }));
    return { ...this.#totals, owned, halted: this.#halts.list(), waiting, parked: this.#parked.size };
  }

  /** Whether the log is reachable and every partition of this instance is being worked on. */
  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    const log = this.#consumer.health();
    if (!log.ok) return log;
    const { waiting, halted } = this.status();
    const trouble = [...halted, ...waiting][0];
    if (trouble !== undefined) return { ok: false, reason: `${trouble.name}: ${trouble.reason}` };
    const [stuck] = this.#watchdog.stuck();
    return stuck === undefined ? { ok: true } : { ok: false, reason: stuck.reason };
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    this.#changed.open();
    await this.#exclusively(() => this.#lanes.stopAll());
    await Promise.all([this.#claiming, this.#watching]);
    await this.#consumer.commit(positionsOf(this.#owned.values()));
    await this.#consumer.close();
  }

  /** Notices in the store what an operator decided, and that the store went back in time. */
  #watch(): Promise<void> {
    const { store, clock, logger } = this.#options;
    let committed = new Map<OwnedPartition, bigint>();
    let halted = this.#halts.noted();
    const watch = new CheckpointWatch({
      store,
      incarnation: this.#incarnation,
      clock,
      logger,
      before: () => {
        committed = new Map([...this.#owned.values()].map((partition) => [partition, partition.committed]));
        halted = this.#halts.noted();
      },
      seen: async (checkpoints) => {
        const byName = new Map(checkpoints.map((checkpoint) => [partitionName(checkpoint), checkpoint]));
        if (this.#halts.endThoseGone(halted, byName)) this.#changed.open();
        const isBehind = ([owned, known]: [OwnedPartition, bigint]) => {
          const checkpoint = byName.get(partitionName(owned));
          if (
            checkpoint?.epoch !== undefined &&
            checkpoint.epoch >= owned.epoch &&
            checkpoint.nextOffset >= known
          )
            return false;
          this.#guard.sayWentBack(partitionName(owned), owned.committed, checkpoint?.nextOffset);
          return true;
        };
        if ([...committed].filter(([owned]) => this.#isOwned(owned)).filter(isBehind).length > 0)
          await this.#holdAll();
      },
      replaced: () => this.#holdAll(),
    });
    return watch.run(this.#stopping.signal);
  }

  /** The store's tables are being replaced, or are older than they were: nothing goes on before that is over. */
  #holdAll(): Promise<void> {
    return this.#exclusively(() => this.#hold());
  }

  async #hold(): Promise<void> {
    this.#guard.tablesChanged(this.#assigned.keys());
    this.#context.cache.clear();
    await this.#lanes.stopAll();
    this.#release([...this.#owned.values()]);
  }

  async #begin(claimed: readonly OwnedPartition[], isCoPartitioned: boolean): Promise<void> {
    for (const partition of claimed) this.#owned.set(partitionName(partition), partition);
    try {
      await this.#beginOwned(claimed, isCoPartitioned);
    } catch (error) {
      // Owned and without a lane, they would never be claimed again.
      this.#release(claimed);
      throw error;
    }
  }

  async #beginOwned(claimed: readonly OwnedPartition[], isCoPartitioned: boolean): Promise<void> {
    this.#consumer.follow(claimed.map(followPositionOf));
    this.#options.logger('info', `Working on ${claimed.length} more partitions`, {
      partitions: claimed.map(partitionName).join(' '),
    });
    // Where topics differ in their number of partitions, lanes would meet at every batch: there is one lane then.
    await this.#lanes.start(claimed, isCoPartitioned ? this.#options.lanes : 1);
  }

  #laneEnded(lane: Lane<State, Event>, end: LaneEnd): void {
    if (end.kind === 'stopped') return;
    const { logger } = this.#options;
    const names = lane.partitions.map(partitionName).join(' ');
    if (end.kind === 'fenced') {
      this.#troubles.note(lane.partitions, 'another instance owns it');
      logger('warn', 'A checkpoint was not where this instance left it; reading it again', {
        partitions: names,
      });
    } else if (isDefect(end.error)) {
      this.#metDefect(lane.partitions, end.error);
    } else {
      const failures = this.#troubles.note(lane.partitions, messageOf(end.error));
      this.#options.onFailure?.(end.error);
      logger('error', `Ingest paused: ${messageOf(end.error)}`, {
        partitions: names,
        failures,
      });
    }
    // The store may have gone back in time, or have done more than it said.
    this.#context.cache.clear();
    this.#release(lane.partitions);
  }

  /** A lane cannot tell which of its partitions met the defect. Each goes on alone: one meets it again, the others do not. */
  #metDefect(partitions: readonly OwnedPartition[], error: unknown): void {
    const [only] = partitions;
    if (partitions.length === 1 && only !== undefined) {
      this.#alone.set(partitionName(only), 'known');
      noteDefect({ troubles: this.#troubles, defects: this.#defects }, only, error);
      return;
    }
    const names = partitions.map(partitionName);
    for (const name of names) this.#alone.set(name, this.#alone.get(name) ?? 'suspected');
    this.#defects.met(`the lane of ${names.join(' ')}`, error);
    this.#troubles.note(partitions, `a defect of Tributary in its lane: ${describeDefect(error)}`);
  }

  async #giveUp(partitions: readonly TopicPartition[], why: string): Promise<void> {
    const names = new Set(partitions.map(partitionName));
    this.#troubles.forget(partitions);
    for (const name of names) {
      this.#assigned.delete(name);
      this.#alone.delete(name);
      this.#halts.forget(name);
      this.#guard.forget(name);
    }
    if (names.size > 0)
      this.#options.logger('info', `Partitions ${why}`, { partitions: [...names].join(' ') });
    await this.#exclusively(async () => {
      const affected = this.#lanes.holding((partition) => names.has(partitionName(partition)));
      this.#consumer.unfollow(partitions);
      await this.#lanes.stop(affected);
      const given = [...this.#owned.values()].filter((partition) => names.has(partitionName(partition)));
      await this.#consumer.commit(positionsOf(given));
      for (const name of names) this.#owned.delete(name);
      this.#lanes.resumeKept(affected, names);
    });
  }

  /** Has these partitions claimed again, unless that has happened already. */
  #release(partitions: readonly OwnedPartition[]): void {
    const released = partitions.filter((partition) => this.#isOwned(partition));
    this.#consumer.unfollow(released);
    for (const partition of released) this.#owned.delete(partitionName(partition));
    this.#changed.open();
  }

  #isOwned(partition: OwnedPartition): boolean {
    return this.#owned.get(partitionName(partition)) === partition;
  }

  /**
   * What was read before the fault is journaled first: a checkpoint that stood further back would make the
   * operator choose between losing records that are good and meeting the fault again before they are committed.
   * If that, or the recording, fails, the partition is claimed again and the reading meets the same fault.
   */
  async #halt(fault: PartitionFault): Promise<void> {
    const name = partitionName(fault);
    await this.#exclusively(async () => {
      const owned = this.#owned.get(name);
      if (owned === undefined) return;
      const affected = this.#lanes.holding((partition) => partition === owned);
      await this.#lanes.finish(affected);
      if (!this.#isOwned(owned)) return;
      this.#lanes.resumeKept(affected, new Set([name]));
      // The fault names where the reading stopped: the journal may have come less far.
      const reason = `${fault.kind} at offset ${owned.committed}: ${fault.detail}`;
      try {
        await this.#options.store.halt(owned, owned.epoch, reason);
        this.#halts.note(name, reason);
      } catch (error) {
        if (isDefect(error)) this.#defects.met(placeOf(owned), error);
        this.#troubles.note([owned], reason);
        this.#options.logger('error', `The halt of ${name} could not be recorded: ${messageOf(error)}`);
      }
      this.#release([owned]);
    });
  }

  /** Changes of the lanes happen one at a time. */
  #exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #committed(report: CommitReport): void {
    this.#troubles.forget(report.positions);
    addTo(this.#totals, report);
    for (const position of report.positions) {
      const name = partitionName(position);
      this.#guard.committed(name, position.offset);
      this.#defects.passed(placeOf(position));
      if (this.#alone.get(name) === 'suspected') this.#alone.delete(name);
    }
    const { clock, onCommitted } = this.#options;
    if (clock.monotonicMs() >= this.#nextCourtesyMs) {
      this.#nextCourtesyMs = clock.monotonicMs() + COURTESY_INTERVAL_MS;
      void this.#consumer.commit(positionsOf(this.#owned.values()));
    }
    onCommitted?.(report);
  }
}

function positionsOf(partitions: Iterable<OwnedPartition>): Position[] {
  return [...partitions].map(({ topic, partition, committed }) => ({ topic, partition, offset: committed }));
}
