import { isDefect, messageOf } from '../../core/errors.ts';
import { partitionName, type TopicPartition } from '../../core/offset.ts';
import type { Backoff } from '../../core/retry.ts';
import type { AssignedPartition, EventLogConsumer, PartitionFault } from '../../ports/event-log.ts';
import { Defects } from '../defects.ts';
import { Gate } from '../gate.ts';
import { Meters } from '../status/meters.ts';
import { supervised } from '../supervised.ts';
import { Acquirer } from './acquirer.ts';
import { behindOwnCommits, CheckpointWatch } from './checkpoint-watch.ts';
import { CourtesyCommits, offsetsOf } from './courtesy-commits.ts';
import { DueRules } from './due.ts';
import { Halts } from './halts.ts';
import { type Health, healthOf } from './health.ts';
import { HistoryCache } from './history-cache.ts';
import { Incarnation } from './incarnation.ts';
import type { Lane, LaneContext, LaneEnd } from './lane.ts';
import { backlogOf, LaneCount } from './lane-count.ts';
import { LaneSet } from './lane-set.ts';
import { LONG_LIMITS } from './long-histories.ts';
import { addTo, type CommitReport, type IngestOptions, type IngestStatus, NOTHING_YET } from './options.ts';
import { followOffsetOf, type OwnedPartition } from './owned-partitions.ts';
import { ParkedRegistry } from './parked.ts';
import { PartitionDefects } from './partition-defects.ts';
import { PartitionHolds } from './partition-holds.ts';
import { QuarantineWatch } from './quarantine-watch.ts';
import { RestoreGuard } from './restore-guard.ts';
import { Troubles } from './troubles.ts';
import { Watchdog } from './watchdog.ts';
import { WorkTimes } from './work-times.ts';

/**
 * The pauses between attempts to acquire a partition. Their cap is how late a partition may be acquired after the locks
 * of a stopped process have ended.
 */
const RECOVERY_BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };

/**
 * Keeps journal, view, deliveries and checkpoints up to date with the log, for the partitions that the group gives to
 * this instance. The life of a partition here:
 *
 *   assigned --> acquired (epoch raised) --> in a lane --> revoked or lost
 *                  ^                           |
 *                  +---- after a pause --------+  fenced, or anything failed
 *                                              |
 *                                              +--> halted, until an operator's decision
 *                                              +--> on hold, until an operator releases it
 *
 * Every trouble has the same remedy: the lane ends, its partitions are acquired again, and reading starts from the
 * checkpoints. Two instances may both believe for a while that they own a partition; the store's epochs let only one of
 * them commit.
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
  readonly #holds: PartitionHolds;
  readonly #lanes: LaneSet<State, Event>;
  readonly #laneCount: LaneCount;
  readonly #courtesy: CourtesyCommits;
  readonly #totals = { ...NOTHING_YET };
  readonly #troubles: Troubles;
  readonly #parked: ParkedRegistry;
  readonly #guard: RestoreGuard;
  readonly #incarnation: Incarnation;
  readonly #acquirer: Acquirer;
  readonly #watchdog: Watchdog;
  readonly #defects: Defects;
  readonly #partitionDefects: PartitionDefects;
  /** The number of records that this instance is behind. */
  readonly #backlog = () => backlogOf(this.#owned.values(), this.#assigned, this.#consumer.ends());
  readonly #regroup = () =>
    this.#exclusively(() => this.#lanes.regroup(this.#laneCount.of(this.#isCoPartitioned)));
  #watching: Promise<unknown> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #acquiring: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #isCoPartitioned = false;

  constructor(options: IngestOptions<State, Event>) {
    this.#options = options;
    const { log, group, topics, maxBufferedBytes, storeId } = options;
    const ofStore = storeId === undefined ? {} : { store: storeId };
    this.#consumer = log.consumer({ group, topics, maxBufferedBytes, ...ofStore });
    this.#troubles = new Troubles(RECOVERY_BACKOFF, options.clock);
    this.#halts = new Halts(options.logger);
    this.#watchdog = new Watchdog(options.clock, options.logger);
    this.#defects = options.defects ?? new Defects(options.clock, options.logger);
    this.#partitionDefects = new PartitionDefects(this.#defects, this.#troubles);
    this.#parked = options.parked ?? new ParkedRegistry();
    this.#holds = new PartitionHolds(options.holds);
    this.#guard = new RestoreGuard(options);
    this.#incarnation = new Incarnation(options.store);
    this.#context = {
      domain: options.domain,
      decoder: options.decoder,
      cache: new HistoryCache(options.cacheEvents, options.cacheBytes),
      parked: this.#parked,
      watchdog: this.#watchdog,
      quarantine: options.quarantine ?? new QuarantineWatch(options.clock, options.logger),
      meters: options.meters ?? new Meters(options.clock),
      consumer: this.#consumer,
      due: new DueRules(options.targets),
      ...(options.view === undefined ? {} : { view: options.view }),
      store: options.store,
      clock: options.clock,
      logger: this.#defects.logger,
      batchEvents: options.batchEvents,
      longLimits: options.longLimits ?? LONG_LIMITS,
      tracing: options.tracing,
      times: new WorkTimes(),
      group,
      onCommitted: (report) => this.#committed(report),
    };
    this.#lanes = new LaneSet({
      context: this.#context,
      isOwned: (partition) => this.#isOwned(partition),
      isAlone: (partition) => this.#partitionDefects.isAlone(partition),
      ended: (lane, end) => this.#laneEnded(lane, end),
    });
    this.#laneCount = new LaneCount(options);
    this.#courtesy = new CourtesyCommits(this.#consumer, options.clock);
    this.#acquirer = new Acquirer(options, {
      assigned: this.#assigned,
      owned: this.#owned,
      changed: this.#changed,
      halts: this.#halts,
      holds: this.#holds,
      troubles: this.#troubles,
      guard: this.#guard,
      incarnation: this.#incarnation,
      parked: this.#parked,
      defects: this.#partitionDefects,
      exclusively: (work) => this.#exclusively(work),
      begin: (acquired, isCoPartitioned) => this.#begin(acquired, isCoPartitioned),
      giveUpAll: () => this.#giveUpAll(),
    });
  }

  /** Joins the group. Resolves once asked to; the group assigns partitions later. */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    const run = (place: string, loop: () => Promise<void>) =>
      supervised(place, loop, { defects: this.#defects, clock: this.#options.clock, signal });
    this.#acquiring = run('the acquiring of partitions', () => this.#acquirer.run(signal));
    const owned = () => this.#owned.values();
    const ends = () => this.#consumer.ends();
    this.#watching = Promise.all([
      run('the watch of the checkpoints', () => this.#watch()),
      run('the pausing of partitions', () => this.#holds.follow(() => this.#applyHolds(), signal)),
      run('the count of lanes', () => this.#laneCount.follow(this.#backlog, this.#regroup, signal)),
      run('the watch of partitions', () => this.#watchdog.run(owned, ends, signal)),
    ]);
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
    const waiting = this.#acquirer.unowned().map((partition) => ({
      name: partitionName(partition),
      reason:
        this.#guard.waitsMs > 0
          ? this.#guard.reason
          : (this.#troubles.reason(partition) ?? 'not acquired yet'),
    }));
    const held = this.#holds.among(this.#assigned);
    const { size: parked } = this.#parked;
    const work = this.#context.times.status();
    return { ...this.#totals, owned, halted: this.#halts.list(), held, waiting, parked, work };
  }

  /** Whether the log answers and this instance works on every partition that it has. Nothing is expected of parts on hold. */
  health(): Health {
    return this.#holds.hasAll
      ? { ok: true }
      : healthOf(this.#consumer.health(), this.status(), this.#watchdog.stuck());
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    this.#changed.open();
    await this.#exclusively(() => this.#lanes.stopAll());
    await Promise.all([this.#acquiring, this.#watching]);
    await this.#consumer.commit(offsetsOf(this.#owned.values()));
    await this.#consumer.close();
  }

  /** Watches the store for decisions of operators, and for signs that it went back in time. */
  #watch(): Promise<void> {
    const { store, clock, logger } = this.#options;
    let committed = new Map<OwnedPartition, bigint>();
    let halted = this.#halts.noted();
    return new CheckpointWatch({
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
        const still = [...committed].filter(([owned]) => this.#isOwned(owned));
        const { wentBack, movedBack } = behindOwnCommits(still, byName);
        this.#guard.sayTheyWentBack(wentBack, byName);
        if (wentBack.length > 0) await this.#giveUpAllInTurn();
        else if (movedBack.length > 0) await this.#takeOutInTurn((owned) => movedBack.includes(owned));
      },
      replaced: () => this.#giveUpAllInTurn(),
    }).run(this.#stopping.signal);
  }

  /** Stops all lanes, because the store's tables are being replaced or have gone back in time. */
  #giveUpAllInTurn(): Promise<void> {
    return this.#exclusively(() => this.#giveUpAll());
  }

  async #giveUpAll(): Promise<void> {
    this.#guard.tablesChanged(this.#assigned.keys());
    this.#context.cache.clear();
    await this.#lanes.stopAll();
    this.#release([...this.#owned.values()]);
  }

  async #begin(acquired: readonly OwnedPartition[], isCoPartitioned: boolean): Promise<void> {
    for (const partition of acquired) this.#owned.set(partitionName(partition), partition);
    try {
      await this.#beginOwned(acquired, isCoPartitioned);
    } catch (error) {
      // An owned partition without a lane would never be acquired again.
      this.#release(acquired);
      throw error;
    }
  }

  async #beginOwned(acquired: readonly OwnedPartition[], isCoPartitioned: boolean): Promise<void> {
    this.#consumer.follow(acquired.map(followOffsetOf));
    this.#options.logger('info', `Working on ${acquired.length} more partitions`, {
      partitions: acquired.map(partitionName).join(' '),
    });
    this.#laneCount.began(this.#backlog());
    // Where topics have different numbers of partitions, several lanes would change the same entities.
    this.#isCoPartitioned = isCoPartitioned;
    await this.#lanes.start(acquired, this.#laneCount.of(isCoPartitioned));
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
      this.#partitionDefects.endedLane(lane.partitions, end.error);
    } else {
      const failures = this.#troubles.note(lane.partitions, messageOf(end.error));
      this.#options.onFailure?.(end.error);
      logger('error', `Ingest paused: ${messageOf(end.error)}`, {
        partitions: names,
        failures,
      });
    }
    // The store may have gone back in time, or a commit may stand although its answer was lost.
    this.#context.cache.clear();
    this.#release(lane.partitions);
  }

  async #giveUp(partitions: readonly TopicPartition[], why: string): Promise<void> {
    const names = new Set(partitions.map(partitionName));
    this.#troubles.forget(partitions);
    this.#partitionDefects.forget(partitions);
    for (const name of names) {
      this.#assigned.delete(name);
      this.#halts.forget(name);
      this.#guard.forget(name);
    }
    if (names.size > 0)
      this.#options.logger('info', `Partitions ${why}`, { partitions: [...names].join(' ') });
    await this.#exclusively(() => this.#takeOut(partitions));
  }

  /**
   * Takes partitions out of their lanes: what is being committed is committed, and what was only read is dropped. The
   * lanes go on with their other partitions.
   */
  async #takeOut(partitions: readonly TopicPartition[]): Promise<void> {
    const names = new Set(partitions.map(partitionName));
    const affected = this.#lanes.holding((partition) => names.has(partitionName(partition)));
    this.#consumer.unfollow(partitions);
    await this.#lanes.stop(affected);
    const taken = [...this.#owned.values()].filter((partition) => names.has(partitionName(partition)));
    await this.#consumer.commit(offsetsOf(taken));
    for (const name of names) this.#owned.delete(name);
    this.#lanes.resumeKept(affected, names);
  }

  /** Takes partitions that are on hold out of their lanes. Those that no longer are will be acquired again. */
  #applyHolds(): Promise<void> {
    return this.#takeOutInTurn((owned) => this.#holds.has(owned));
  }

  /** Takes these partitions out of their lanes. They are acquired again, unless they are on hold. */
  async #takeOutInTurn(isMeant: (owned: OwnedPartition) => boolean): Promise<void> {
    await this.#exclusively(async () => {
      const taken = [...this.#owned.values()].filter(isMeant);
      if (taken.length > 0) await this.#takeOut(taken);
    });
    this.#changed.open();
  }

  /** Gives up these partitions unless that has happened already, so that they are acquired again. */
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
   * Halts a partition whose reading met a fault. The records that were read before the fault are journaled first.
   * Otherwise an operator would have to choose between losing good records and meeting the fault again. If journaling
   * or recording the halt fails, the partition is acquired again and reading meets the same fault.
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
      // The fault names the offset where reading stopped. The journal may not have come that far.
      const reason = `${fault.kind} at offset ${owned.committed}: ${fault.detail}`;
      try {
        await this.#options.store.halt(owned, owned.epoch, reason);
        this.#halts.note(name, reason);
      } catch (error) {
        if (isDefect(error)) this.#partitionDefects.met(owned, error);
        this.#troubles.note([owned], reason);
        this.#options.logger('error', `The halt of ${name} could not be recorded: ${messageOf(error)}`);
      }
      this.#release([owned]);
    });
  }

  /** Runs one change of the lanes at a time. */
  #exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #committed(report: CommitReport): void {
    this.#troubles.forget(report.offsets);
    addTo(this.#totals, report);
    for (const each of report.offsets) this.#guard.committed(partitionName(each), each.offset);
    this.#partitionDefects.committed(report.offsets);
    this.#courtesy.committed(this.#owned.values());
    this.#options.onCommitted?.(report);
  }
}
