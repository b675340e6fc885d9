import { DefectError, isDefect, messageOf, TributaryError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { AssignedPartition } from '../../ports/event-log.ts';
import type { Checkpoint, Store } from '../../ports/store.ts';
import { reasonToHalt } from './halt-reason.ts';

/** Claims under way at once: a locked checkpoint keeps the others waiting for a fraction of its own wait. */
const CLAIMS_AT_ONCE = 4;

/** `halted`: it cannot be read on from its checkpoint, and the store has recorded why. */
export type ClaimResult = {
  readonly partition: AssignedPartition;
  readonly checkpoint: Checkpoint;
} & ({ readonly kind: 'claimed' } | { readonly kind: 'halted'; readonly reason: string });

/** Partitions that could not be claimed, all for one reason. */
export interface ClaimFailure {
  readonly error: unknown;
  readonly partitions: AssignedPartition[];
}

/**
 * Claims each partition by itself, and halts it in the store if it cannot be read on: where one fails, the others do
 * not. Only if the store as a whole does not work are the rest not tried. Never rejects.
 */
export async function claimEach(
  store: Pick<Store, 'claim' | 'halt'>,
  partitions: readonly AssignedPartition[],
): Promise<{ readonly results: readonly ClaimResult[]; readonly failures: readonly ClaimFailure[] }> {
  const results: ClaimResult[] = [];
  const failures = new Map<string, ClaimFailure>();
  const left = [...partitions];
  let outage: { readonly error: unknown } | null = null;
  const claimNext = async (): Promise<void> => {
    for (let partition = left.shift(); partition !== undefined; partition = left.shift()) {
      try {
        if (outage !== null) throw outage.error;
        results.push(await claimOne(store, partition));
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
  await Promise.all(Array.from({ length: CLAIMS_AT_ONCE }, claimNext));
  return { results, failures: [...failures.values()] };
}

async function claimOne(
  store: Pick<Store, 'claim' | 'halt'>,
  partition: AssignedPartition,
): Promise<ClaimResult> {
  const [checkpoint] = await store.claim([partition]);
  if (checkpoint === undefined)
    throw new DefectError(`The store claimed nothing of ${partitionName(partition)}.`);
  const reason = reasonToHalt(checkpoint, partition);
  if (reason === null) return { kind: 'claimed', partition, checkpoint };
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
