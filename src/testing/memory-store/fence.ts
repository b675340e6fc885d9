import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { ViewState } from '../../ports/view-rebuild.ts';
import type { Connection, Transaction } from './connection.ts';
import { checkpointLock } from './lock-names.ts';
import { changeViewState, lockViewState } from './view-state.ts';

/**
 * Raises the epochs of the view and of all checkpoints, so that no process can commit before it has read both again. The
 * caller has locked the state; `parts` is what else changes in it.
 */
export async function fenceAll(
  transaction: Transaction,
  table: string,
  state: ViewState,
  parts: Partial<ViewState>,
): Promise<void> {
  changeViewState(transaction, table, { ...parts, epoch: state.epoch + 1 });
  await transaction.statement('raise the epochs of all checkpoints');
  const { schema } = transaction;
  for (const name of schema.partitions) {
    await transaction.lock(checkpointLock(name));
    transaction.write(() => {
      const known = schema.checkpoints.get(name) as Checkpoint;
      schema.putCheckpoint(name, { ...known, epoch: known.epoch + 1n });
    });
  }
}

export function awaitFold(connection: Connection, table: string, foldVersion: number): Promise<void> {
  return connection.transaction(async (transaction) => {
    const state = await lockViewState(transaction, table);
    if (state.awaitedFold !== null && state.awaitedFold >= foldVersion) return;
    await fenceAll(transaction, table, state, { awaitedFold: foldVersion });
  });
}
