import { type Connection, initProducerIdV4, produceV9, Writer } from '@platformatic/kafka';
import { TributaryError } from '../../core/errors.ts';
import { partitionName, type TopicPartition } from '../../core/offset.ts';
import { type Cluster, groupByTopic } from './cluster.ts';
import { responseOf } from './errors.ts';

/*
 * The requests of an idempotent producer. The Produce request (version 9) is written here, because the
 * library's writer takes single records and gives every batch its own idea of sequence numbers.
 * Source: https://kafka.apache.org/protocol#The_Messages_Produce
 */

export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

export interface PartitionBatch extends TopicPartition {
  readonly records: Buffer;
}

export interface ProduceResult {
  readonly errorCode: number;
  /** Of the batch's first record. */
  readonly baseOffset: bigint;
  readonly message: string | null;
}

const produceApiKey = 0;
const produceVersion = 9;
const allInSyncReplicas = -1;
const noTransactionTimeoutMs = 0;

export async function initProducerId(cluster: Cluster): Promise<ProducerIdentity> {
  const { producerId, producerEpoch } = await cluster.anywhere('asking for a producer id', (connection) =>
    initProducerIdV4.api.async(connection, null, noTransactionTimeoutMs, -1n, -1),
  );
  return { producerId, producerEpoch };
}

/** Sends one batch for each partition and resolves with the broker's answer for each, by partition name. */
export function produce(
  connection: Connection,
  timeoutMs: number,
  batches: readonly PartitionBatch[],
): Promise<Map<string, ProduceResult>> {
  return new Promise((resolve, reject) => {
    connection.send<produceV9.ProduceResponse>(
      produceApiKey,
      produceVersion,
      () => writeRequest(timeoutMs, batches),
      (correlationId, apiKey, apiVersion, reader) => {
        try {
          return produceV9.parseResponse(correlationId, apiKey, apiVersion, reader);
        } catch (error) {
          // An answer with the error of one partition holds the offsets of the others.
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

function writeRequest(timeoutMs: number, batches: readonly PartitionBatch[]): Writer {
  const records = new Map(batches.map((batch) => [partitionName(batch), batch.records]));
  return Writer.create()
    .appendString(null)
    .appendInt16(allInSyncReplicas)
    .appendInt32(timeoutMs)
    .appendArray(groupByTopic(batches), (topicWriter, [topic, partitions]) => {
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
