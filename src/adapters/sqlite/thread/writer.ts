/** The program of the writer thread: writes the batches that it is sent, one after the other. See `WriterThread`. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CommitOutcome } from '../../../ports/commit.ts';
import { BatchWriter } from '../batch-writer.ts';
import { commitTransaction, openWriter } from '../database.ts';
import { DueDeliveries } from '../due-deliveries.ts';
import { tableNames } from '../table-names.ts';
import { ViewRows } from '../view-rows.ts';
import { sentErrorOf } from './sent-error.ts';
import { type ThreadBatch, unpackChanges } from './thread-batch.ts';
import { CLOSE, type WriterAnswer, type WriterPlace } from './writer-thread.ts';

const { file, tablePrefix, view, targets } = workerData as WriterPlace;
const connection = openWriter(file, tableNames(tablePrefix));
const writer = new BatchWriter(new ViewRows(view), new DueDeliveries(targets));

async function write(batch: ThreadBatch): Promise<CommitOutcome> {
  connection.execute('BEGIN IMMEDIATE');
  try {
    const { moves, viewEpoch } = batch;
    const head = { moves, mode: 'optimistic', ...(viewEpoch === undefined ? {} : { viewEpoch }) } as const;
    if (!writer.isAllowed(connection, head)) return { kind: 'fenced' };
    const outcome = await writer.write(
      connection,
      head,
      unpackChanges(batch, view.columns.length),
      batch.nowMs,
    );
    if (outcome.kind === 'committed') commitTransaction(connection, file);
    return outcome;
  } finally {
    connection.rollback();
  }
}

parentPort?.on('message', async (batch: ThreadBatch | typeof CLOSE) => {
  if (batch === CLOSE) {
    connection.close();
    parentPort?.close();
    return;
  }
  let answer: WriterAnswer;
  try {
    answer = { kind: 'outcome', outcome: await write(batch) };
  } catch (error) {
    answer = { kind: 'error', error: sentErrorOf(error) };
  }
  parentPort?.postMessage(answer);
});
