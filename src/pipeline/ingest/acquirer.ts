import { isDefect, isRetryable, messageOf } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { AssignedPartition, EventLog } from '../../ports/event-log.ts';
import type { Gate } from '../gate.ts';
import { acquireEach } from './acquire-each.ts';
import type { Halts } from './halts.ts';
import type { Incarnation } from './incarnation.ts';
import type { IngestOptions } from './options.ts';
import type { OwnedPartition } from './owned-partitions.ts';
import type { ParkedRegistry } from './parked.ts';
import type { PartitionDefects } from './partition-defects.ts';
import type { PartitionHolds } from './partition-holds.ts';
import type { RestoreGuard } from './restore-guard.ts';
import type { Troubles } from './troubles.ts';

export interface AcquirerParts {
  /** The partitions that the group gives to this instance, by name. */
  readonly assigned: ReadonlyMap<string, AssignedPartition>;
  /** The partitions that this instance works on, by name. */
  readonly owned: ReadonlyMap<string, OwnedPartition>;
  /** Opens when a partition is assigned or given up, or when a halt or a hold ends. */
  readonly changed: Gate;
  readonly halts: Halts;
  readonly holds: Pick<PartitionHolds, 'has'>;
  readonly troubles: Troubles;
  readonly guard: RestoreGuard;
  readonly incarnation: Pick<Incarnation, 'actIfReplaced'>;
  readonly parked: ParkedRegistry;
  readonly defects: PartitionDefects;
  /** Runs the work while nothing else changes the lanes. */
  readonly exclusively: (work: () => Promise<void>) => Promise<void>;
  /** Begins to work on partitions that were acquired. */
  readonly begin: (acquired: readonly OwnedPartition[], isCoPartitioned: boolean) => Promise<void>;
  /** Called when a checkpoint shows that the database went back in time. */
  readonly giveUpAll: () => Promise<void>;
}

type AcquirerOptions = Pick<IngestOptions<unknown, unknown>, 'store' | 'topics' | 'clock' | 'logger'> & {
  readonly log: Pick<EventLog, 'partitionCounts'>;
};

/** Raises the epochs of the partitions that the group gives to this instance, so that it may commit their records. */
export class Acquirer {
  readonly #options: AcquirerOptions;
  readonly #parts: AcquirerParts;

  constructor(options: AcquirerOptions, parts: AcquirerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** The partitions that are assigned and neither owned, nor halted, nor on hold. */
  unowned(): AssignedPartition[] {
    const { assigned, owned, halts, holds } = this.#parts;
    return [...assigned]
      .filter(([name, partition]) => !owned.has(name) && !halts.has(name) && !holds.has(partition))
      .map(([, partition]) => partition);
  }

  /**
   * Acquires unowned partitions until the signal aborts. A partition that failed is tried again after a pause of its
   * own.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const { changed, guard, troubles, exclusively } = this.#parts;
    while (!signal.aborted) {
      if (this.unowned().length === 0) {
        await changed.wait(signal);
        continue;
      }
      const { waitsMs } = guard;
      if (waitsMs > 0) {
        await clock.sleep(waitsMs, signal);
        continue;
      }
      const nowMs = clock.monotonicMs();
      const due = this.unowned().filter((partition) => troubles.dueAtMs(partition) <= nowMs);
      if (due.length === 0) {
        const nextMs = Math.min(...this.unowned().map((partition) => troubles.dueAtMs(partition)));
        await changed.waitFor(Math.max(1, nextMs - nowMs), clock, signal);
        continue;
      }
      try {
        await exclusively(() => this.#acquire(due, signal));
      } catch (error) {
        this.#failed(due, error);
      }
    }
  }

  #failed(partitions: readonly AssignedPartition[], error: unknown): void {
    if (isDefect(error)) {
      for (const partition of partitions) this.#parts.defects.stopped(partition, error);
      return;
    }
    const failures = this.#parts.troubles.note(partitions, messageOf(error));
    const names = partitions.map(partitionName).join(' ');
    this.#options.logger(
      isRetryable(error) ? 'warn' : 'error',
      `Could not acquire ${names}: ${messageOf(error)}`,
      { failures },
    );
  }

  async #acquire(due: readonly AssignedPartition[], signal: AbortSignal): Promise<void> {
    const { store, log, topics, logger } = this.#options;
    const { assigned, halts, holds, guard, incarnation, parked, begin, giveUpAll } = this.#parts;
    const partitionCounts = await log.partitionCounts(topics);
    // Acquiring a partition that was given up meanwhile would only fence its next owner. One that was paused rests.
    const partitions = due.filter(
      (partition) => assigned.get(partitionName(partition)) === partition && !holds.has(partition),
    );
    if (partitions.length === 0 || signal.aborted) return;
    // Acquiring writes a checkpoint that is missing. In a table that a backup has just made and is about to fill, that row
    // would make the backup's own statement fail.
    if (await incarnation.actIfReplaced(giveUpAll)) return;
    // The list is read anew, so that this instance folds no entity that another one has parked.
    await parked.load(store);
    const acquired: OwnedPartition[] = [];
    const { results, failures } = await acquireEach(store, partitions);
    for (const { partitions: failed, error } of failures) this.#failed(failed, error);
    for (const result of results) {
      const { partition, checkpoint } = result;
      const name = partitionName(partition);
      if (!assigned.has(name)) continue;
      if (result.kind === 'halted') {
        halts.note(name, result.reason);
        continue;
      }
      if (guard.isBehind(checkpoint)) return giveUpAll();
      try {
        if (await guard.isSetBack(checkpoint)) continue;
      } catch (error) {
        if (!isDefect(error)) throw error;
        this.#failed([partition], error);
        continue;
      }
      if (checkpoint.isNew && partition.startOffset > 0n) {
        logger(
          'warn',
          `${name} has no checkpoint yet and starts at offset ${partition.startOffset}: the log no longer has the records before it.`,
        );
      }
      guard.acquired(checkpoint);
      acquired.push({
        topic: checkpoint.topic,
        partition: checkpoint.partition,
        epoch: checkpoint.epoch,
        committed: checkpoint.nextOffset,
        leaderEpoch: checkpoint.leaderEpoch,
      });
    }
    if (acquired.length === 0) return;
    await begin(acquired, new Set(partitionCounts.values()).size === 1);
  }
}
