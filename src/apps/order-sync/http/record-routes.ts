import type { FastifyInstance } from 'fastify';
import type { PartitionOffset } from '../../../core/offset.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { recordJson } from '../record-json.ts';
import { RECORD_SCHEMA } from './record-schemas.ts';
import type { ServerParts } from './server-parts.ts';

/** The route that shows one record of the log. */
export function addRecordRoutes(app: FastifyInstance, { log, topics }: ServerParts): void {
  app.get<{ Params: { topic: string; partition: string; offset: string } }>(
    '/api/v1/records/:topic/:partition/:offset',
    {
      schema: {
        operationId: 'readRecord',
        summary: 'One record of the log, with its bytes, whatever became of it.',
        response: { 200: RECORD_SCHEMA },
      },
    },
    async ({ params }) => {
      const place = placeFrom(params);
      if (!topics.includes(place.topic))
        throw unknown(`order-sync does not read this topic; it reads ${topics.join(' and ')}.`);
      // The limit of bytes does not apply to the first record.
      const read = await log.readRecords({ ...place, maxRecords: 1, maxBytes: 1 });
      const record = read.kind === 'read' ? read.records[0] : undefined;
      if (record?.offset === place.offset) return recordJson(place, record);
      throw await whyNot(log, place, read.kind === 'unreadable' ? read.problem : null);
    },
  );
}

function placeFrom(params: { topic: string; partition: string; offset: string }): PartitionOffset {
  const { topic, partition, offset } = params;
  if (/^\d{1,9}$/.test(partition) && /^\d{1,18}$/.test(offset))
    return { topic, partition: Number(partition), offset: BigInt(offset) };
  throw unknown(
    'The path is /api/v1/records/TOPIC/PARTITION/OFFSET, as in /api/v1/records/order_events/3/1204.',
  );
}

function unknown(detail: string): HttpProblem {
  return new HttpProblem(404, 'record_unknown', detail);
}

/** Says why there is no record, and which offsets the log has. */
async function whyNot(
  log: ServerParts['log'],
  { topic, partition, offset }: PartitionOffset,
  problem: string | null,
): Promise<HttpProblem> {
  const [described] = await log.describe([topic]);
  if (described === undefined) return unknown('The log has no topic of this name.');
  if (partition >= described.partitionCount)
    return unknown(`The topic has ${described.partitionCount} partitions, counted from 0.`);
  const range = described.partitions.find((each) => each.partition === partition);
  if (problem !== null || range === undefined)
    return new HttpProblem(
      503,
      'record_unreadable',
      `${topic}/${partition} ${problem ?? 'cannot be read now'}.`,
      { retryAfterSeconds: 1 },
    );
  const { startOffset, endOffset } = range;
  if (startOffset === endOffset) return unknown(`The partition is empty; its next offset is ${endOffset}.`);
  const offsets = `The log has the offsets ${startOffset} to ${endOffset - 1n} of this partition`;
  return offset >= startOffset && offset < endOffset
    ? unknown(
        `${offsets}, but no record at this one: it was compacted away, or belongs to a transaction's end or to an aborted transaction.`,
      )
    : unknown(`${offsets}.`);
}
