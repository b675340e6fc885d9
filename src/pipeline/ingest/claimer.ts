import { describeDefect, isDefect, isRetryable, messageOf } from '../../core/errors.ts';
import { partitionName, type TopicPartition } from '../../core/offset.ts';
import type { AssignedPartition, EventLog } from '../../ports/event-log.ts';
import type { Defects } from '../defects.ts';
import type { Gate } from '../gate.ts';
import { claimEach } from './claims.ts';
import type { Halts } from './halts.ts';
import type { Incarnation } from './incarnation.ts';
import type { OwnedPartition } from './lane.ts';
import type { IngestOptions } from './options.ts';
import type { ParkedRegistry } from './parked.ts';
import type { RestoreGuard } from './restore-guard.ts';
import type { Troubles } from './troubles.ts';

export interface ClaimerParts {
  /** What the group gives to this instance, by name. */
  readonly assigned: ReadonlyMap<string, AssignedPartition>;
  /** What this instance works on, by name. */
  readonly owned: ReadonlyMap<string, OwnedPartition>;
  /** Opens when one of the two, or a halt, changes. */
  readonly changed: Gate;
  readonly halts: Halts;
  readonly troubles: Troubles;
  readonly guard: RestoreGuard;
  readonly incarnation: Pick<Incarnation, 'actIfReplaced'>;
  readonly parked: ParkedRegistry;
  readonly defects: Defects;
  /** Runs while nothing else changes the lanes. */
  readonly exclusively: (work: () => Promise<void>) => Promise<void>;
  /** Begins to work on partitions that were claimed. */
  readonly begin: (claimed: readonly OwnedPartition[], isCoPartitioned: boolean) => Promise<void>;
  /** Called when the store's tables are older than they were. */
  readonly hold: () => Promise<void>;
}

type ClaimingOptions = Pick<IngestOptions<unknown, unknown>, 'store' | 'topics' | 'clock' | 'logger'> & {
  readonly log: Pick<EventLog, 'partitionCounts'>;
};

/** Raises the epochs of the partitions that the group gives to this instance, so that it may write for them. */
export class Claimer {
  readonly #options: ClaimingOptions;
  readonly #parts: ClaimerParts;

  constructor(options: ClaimingOptions, parts: ClaimerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** What is assigned and neither owned nor halted. */
  unclaimed(): AssignedPartition[] {
    const { assigned, owned, halts } = this.#parts;
    return [...assigned].filter(([name]) => !owned.has(name) && !halts.has(name)).map(([, p]) => p);
  }

  /** Claims, as often as it takes, what is unclaimed, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const { changed, guard, troubles, exclusively } = this.#parts;
    while (!signal.aborted) {
      if (this.unclaimed().length === 0) {
        await changed.wait(signal);
        continue;
      }
      const { holdsMs } = guard;
      if (holdsMs > 0) {
        await clock.sleep(holdsMs, signal);
        continue;
      }
      const nowMs = clock.monotonicMs();
      const due = this.unclaimed().filter((partition) => troubles.dueAtMs(partition) <= nowMs);
      if (due.length === 0) {
        const nextMs = Math.min(...this.unclaimed().map((partition) => troubles.dueAtMs(partition)));
        await changed.waitFor(Math.max(1, nextMs - nowMs), clock, signal);
        continue;
      }
      try {
        await exclusively(() => this.#claim(due, signal));
      } catch (error) {
        this.#failed(due, error);
      }
    }
  }

  #failed(partitions: readonly AssignedPartition[], error: unknown): void {
    if (isDefect(error)) {
      for (const partition of partitions) noteDefect(this.#parts, partition, error);
      return;
    }
    const failures = this.#parts.troubles.note(partitions, messageOf(error));
    const names = partitions.map(partitionName).join(' ');
    this.#options.logger(
      isRetryable(error) ? 'warn' : 'error',
      `Could not claim ${names}: ${messageOf(error)}`,
      { failures },
    );
  }

  async #claim(due: readonly AssignedPartition[], signal: AbortSignal): Promise<void> {
    const { store, log, topics, logger } = this.#options;
    const { assigned, halts, guard, incarnation, parked, begin, hold } = this.#parts;
    const partitionCounts = await log.partitionCounts(topics);
    // Claiming what was given up meanwhile would only fence its next owner.
    const partitions = due.filter((partition) => assigned.get(partitionName(partition)) === partition);
    if (partitions.length === 0 || signal.aborted) return;
    // A claim writes a checkpoint that is missing: in a table that a backup has just made, and is about to fill, that row
    // would make the backup's own fail.
    if (await incarnation.actIfReplaced(hold)) return;
    // Read anew, so that an entity that another instance has parked is not folded here.
    await parked.load(store);
    const claimed: OwnedPartition[] = [];
    const { results, failures } = await claimEach(store, partitions);
    for (const { partitions: failed, error } of failures) this.#failed(failed, error);
    for (const result of results) {
      const { partition, checkpoint } = result;
      const name = partitionName(partition);
      if (!assigned.has(name)) continue;
      if (result.kind === 'halted') {
        halts.note(name, result.reason);
        continue;
      }
      if (guard.isBehind(checkpoint)) return hold();
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
          `${name} is new here and starts at offset ${partition.startOffset}: the log no longer has what came before.`,
        );
      }
      guard.claimed(checkpoint);
      claimed.push({
        topic: checkpoint.topic,
        partition: checkpoint.partition,
        epoch: checkpoint.epoch,
        committed: checkpoint.nextOffset,
        leaderEpoch: checkpoint.leaderEpoch,
      });
    }
    if (claimed.length === 0) return;
    await begin(claimed, new Set(partitionCounts.values()).size === 1);
  }
}

/** The partition met a defect: it rests, and is claimed again after that. */
export function noteDefect(
  { troubles, defects }: Pick<ClaimerParts, 'troubles' | 'defects'>,
  partition: TopicPartition,
  error: unknown,
): void {
  const restMs = defects.rest(placeOf(partition), error, troubles.failures(partition) + 1);
  troubles.note([partition], `a defect of Tributary: ${describeDefect(error)}`, restMs);
}

/** How a partition is named where defects are counted. */
export function placeOf(partition: TopicPartition): string {
  return `partition ${partitionName(partition)}`;
}
