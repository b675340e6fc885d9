// Takes a record batch that decompresses to 256 MiB. Prints the fault, and by how much the memory of the process
// grew.

import { Followed } from '../../../../src/adapters/kafka/reading/followed.ts';
import { OpenRecordBatches } from '../../../../src/adapters/kafka/reading/open-record-batches.ts';
import { readRecordBatches } from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import { bomb, buildRecordBatch, type Compression, compressions } from '../wire/record-batch-builder.ts';

const codec = process.argv[2] as Compression;
const bytes = buildRecordBatch({
  recordCount: 1,
  compression: compressions[codec],
  records: bomb(256, codec),
});
const position = { topic: 't', partition: 0, offset: 0n, leaderEpoch: -1, topicId: 'id' };
const followed = new Followed(position, new OpenRecordBatches(64 << 20));
const before = process.memoryUsage.rss();
for (const each of readRecordBatches(bytes)) followed.push(each, true);
followed.take({ maxRecords: 1_000, maxBytes: 16 << 20 }, true);
const growthMegabytes = Math.round(process.resourceUsage().maxRSS / 1024 - before / (1 << 20));
const fault =
  followed.fault === undefined ? null : { ...followed.fault, offset: String(followed.fault.offset) };
console.log(JSON.stringify({ fault, growthMegabytes, kilobytes: bytes.length >> 10 }));
