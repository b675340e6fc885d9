import { type Connection, produceV9, Writer } from '@platformatic/kafka';
import { TributaryError } from '../../../core/errors.ts';
import { partitionName, type TopicPartition } from '../../../core/offset.ts';
import { responseOf } from '../errors.ts';
import { groupByTopic } from '../lists.ts';

/*
 * The Produce request, version 9. The library's writer is not used: it takes single records and chooses the sequence
 * numbers of record batches itself.
 * Source: https://kafka.apache.org/protocol#The_Messages_Produce
 */

export interface PartitionRecordBatch extends TopicPartition {
  readonly records: Buffer;
}

export interface ProduceResult {
  readonly errorCode: number;
  /** The offset of the record batch's first record. */
  readonly baseOffset: bigint;
  readonly message: string | null;
}

const produceApiKey = 0;
const produceVersion = 9;
const allInSyncReplicas = -1;

/** Sends one record batch for each partition. Resolves with the broker's answer for each, by partition name. */
export function produce(
  connection: Connection,
  timeoutMs: number,
  recordBatches: readonly PartitionRecordBatch[],
): Promise<Map<string, ProduceResult>> {
  return new Promise((resolve, reject) => {
    connection.send<produceV9.ProduceResponse>(
      produceApiKey,
      produceVersion,
      () => writeRequest(timeoutMs, recordBatches),
      (correlationId, apiKey, apiVersion, reader) => {
        try {
          return produceV9.parseResponse(correlationId, apiKey, apiVersion, reader);
        } catch (error) {
          // The library throws if one partition has an error. Its error holds the answers for all partitions.
          const partial = responseOf<produceV9.ProduceResponse>(error);
          if (partial === undefined) throw error;
          return partial;
        }
      },
      true,
      true,
      (error, response) => {
        if (error === null && response !== undefined) resolve(resultsOf(response));
        else reject(error ?? new TributaryError('log_unreachable', 'Kafka gave an empty answer.'));
      },
    );
  });
}

function writeRequest(timeoutMs: number, recordBatches: readonly PartitionRecordBatch[]): Writer {
  const records = new Map(
    recordBatches.map((recordBatch) => [partitionName(recordBatch), recordBatch.records]),
  );
  return Writer.create()
    .appendString(null)
    .appendInt16(allInSyncReplicas)
    .appendInt32(timeoutMs)
    .appendArray(groupByTopic(recordBatches), (topicWriter, [topic, partitions]) => {
      topicWriter.appendString(topic).appendArray(partitions, (writer, partition) => {
        const bytes = records.get(partitionName({ topic, partition })) as Buffer;
        writer
          .appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes);
      });
    })
    .appendTaggedFields();
}

function resultsOf(response: produceV9.ProduceResponse): Map<string, ProduceResult> {
  const results = new Map<string, ProduceResult>();
  for (const { name, partitionResponses } of response.responses) {
    for (const { index, errorCode, baseOffset, errorMessage } of partitionResponses) {
      results.set(partitionName({ topic: name, partition: index }), {
        errorCode,
        baseOffset,
        message: errorMessage ?? null,
      });
    }
  }
  return results;
}
