import { Followed } from '../../../../src/adapters/kafka/reading/followed.ts';
import { OpenRecordBatches } from '../../../../src/adapters/kafka/reading/open-record-batches.ts';
import { readRecordBatches } from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../../../src/ports/event-log.ts';
import { type BuiltRecordBatch, buildRecord, buildRecordBatch } from '../wire/record-batch-builder.ts';

export const BOUNDLESS = { maxRecords: 1_000, maxBytes: 1 << 20 };

export function followed(partition = 0): Followed {
  return new Followed(
    { topic: 't', partition, offset: 0n, leaderEpoch: UNKNOWN_LEADER_EPOCH, topicId: 'id' },
    new OpenRecordBatches(1 << 20),
  );
}

export function push(partition: Followed, built: Omit<BuiltRecordBatch, 'records'>): void {
  const records = Buffer.concat(
    Array.from({ length: built.recordCount }, (_, index) => buildRecord(index, Buffer.from('x'))),
  );
  for (const recordBatch of readRecordBatches(buildRecordBatch({ ...built, records })))
    partition.push(recordBatch, true);
}
