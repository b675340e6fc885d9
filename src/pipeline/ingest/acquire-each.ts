import { DefectError, isDefect, messageOf, TributaryError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { AssignedPartition } from '../../ports/event-log.ts';
import type { Store } from '../../ports/store.ts';
import { reasonToHalt } from './halt-reason.ts';

/** The most partitions that are acquired at once. So a locked checkpoint does not keep the other partitions waiting. */
const ACQUIRED_AT_ONCE = 4;

/** `halted`: the partition cannot be read on from its checkpoint, and the store has recorded why. */
export type AcquireResult = {
  readonly partition: AssignedPartition;
  readonly checkpoint: Checkpoint;
} & ({ readonly kind: 'acquired' } | { readonly kind: 'halted'; readonly reason: string });

/** The partitions that could not be acquired, all for the same error. */
export interface AcquireFailure {
  readonly error: unknown;
  readonly partitions: AssignedPartition[];
}

/**
 * Acquires each partition by itself, so that one failure does not affect the others. Halts a partition in the store if
 * it cannot be read on. If the store as a whole fails, it does not try the rest. Never rejects.
 */
export async function acquireEach(
  store: Pick<Store, 'acquire' | 'halt'>,
  partitions: readonly AssignedPartition[],
): Promise<{ readonly results: readonly AcquireResult[]; readonly failures: readonly AcquireFailure[] }> {
  const results: AcquireResult[] = [];
  const failures = new Map<string, AcquireFailure>();
  const left = [...partitions];
  let outage: { readonly error: unknown } | null = null;
  const acquireNext = async (): Promise<void> => {
    for (let partition = left.shift(); partition !== undefined; partition = left.shift()) {
      try {
        if (outage !== null) throw outage.error;
        results.push(await acquireOne(store, partition));
      } catch (error) {
        // A lock, or a defect, concerns this partition alone.
        const isOfOne = (error instanceof TributaryError && error.code === 'store_busy') || isDefect(error);
        if (!isOfOne) outage ??= { error };
        const message = messageOf(error);
        const failure = failures.get(message);
        if (failure === undefined) failures.set(message, { error, partitions: [partition] });
        else failure.partitions.push(partition);
      }
    }
  };
  await Promise.all(Array.from({ length: ACQUIRED_AT_ONCE }, acquireNext));
  return { results, failures: [...failures.values()] };
}

async function acquireOne(
  store: Pick<Store, 'acquire' | 'halt'>,
  partition: AssignedPartition,
): Promise<AcquireResult> {
  const [checkpoint] = await store.acquire([partition]);
  if (checkpoint === undefined)
    throw new DefectError(`The store gave no checkpoint of ${partitionName(partition)}.`);
  const reason = reasonToHalt(checkpoint, partition);
  if (reason === null) return { kind: 'acquired', partition, checkpoint };
  if (checkpoint.haltReason === null) {
    try {
      await store.halt(checkpoint, checkpoint.epoch, reason);
    } catch (error) {
      if (isDefect(error)) throw error;
      throw new TributaryError(
        'store_busy',
        `${reason} The halt could not be recorded: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }
  return { kind: 'halted', partition, checkpoint, reason };
}
