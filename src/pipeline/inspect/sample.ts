import type { TopicPartition } from '../../core/offset.ts';
import type { EventLog, LogRecord, TopicDescription } from '../../ports/event-log.ts';

/** A record of a sample, and its place. */
export interface SampledRecord {
  readonly record: LogRecord;
  readonly place: TopicPartition;
}

export interface Sample {
  readonly topic: string;
  readonly partitions: number;
  /** The number of offsets that the log has of the topic. With compaction or transactions some of them hold no record. */
  readonly offsets: bigint;
  readonly records: readonly SampledRecord[];
  /** Why the records of partitions could not be read, one sentence for each. */
  readonly problems: readonly string[];
}

/** The most bytes of one read. */
const READ_BYTES = 4 * 1024 * 1024;
/** The most bytes of all values in a sample. Of larger records it has fewer. */
const SAMPLE_BYTES = 4 * 1024 * 1024;
/** The most reads of one partition. Offsets without records, as of transactions, need some more than one. */
const READS_MAX = 50;

/**
 * Reads the newest records of a topic, about the same number of each partition, and `size` at most. It joins no group and
 * writes nothing. Null if the topic does not exist.
 */
export async function readSample(
  log: Pick<EventLog, 'describe' | 'readRecords'>,
  topic: string,
  size: number,
): Promise<Sample | null> {
  const [described] = await log.describe([topic]);
  if (described === undefined) return null;
  const { partitions } = described;
  const offsets = partitions.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0n);
  const records: SampledRecord[] = [];
  const problems: string[] = [];
  let left = size;
  // Partitions with few records leave their share to the others, so those come first.
  const shortest = [...partitions].sort((a, b) => Number(lengthOf(a) - lengthOf(b)));
  for (const [index, range] of shortest.entries()) {
    const share = Math.ceil(left / (shortest.length - index));
    const read = await readNewest(log, range, share, SAMPLE_BYTES / partitions.length);
    records.push(...read.records);
    if (read.problem !== null) problems.push(read.problem);
    left -= read.records.length;
  }
  return { topic, partitions: described.partitionCount, offsets, records, problems };
}

type Range = TopicDescription['partitions'][number];

function lengthOf({ startOffset, endOffset }: Range): bigint {
  return endOffset - startOffset;
}

async function readNewest(
  log: Pick<EventLog, 'readRecords'>,
  range: Range,
  size: number,
  bytesMax: number,
): Promise<{ records: SampledRecord[]; problem: string | null }> {
  const { topic, partition, startOffset, endOffset } = range;
  const place = { topic, partition };
  let records: SampledRecord[] = [];
  let seen = 0;
  let offset = endOffset - BigInt(size) > startOffset ? endOffset - BigInt(size) : startOffset;
  for (let reads = 0; reads < READS_MAX && offset < endOffset && seen < size; reads++) {
    const read = await log.readRecords({
      ...place,
      offset,
      maxRecords: size - seen,
      maxBytes: READ_BYTES,
    });
    if (read.kind === 'unreadable') return { records, problem: `${topic}/${partition} ${read.problem}` };
    // Retention may have deleted the oldest records meanwhile.
    if (read.kind === 'out_of_range') {
      if (read.startOffset <= offset) break;
      offset = read.startOffset;
      continue;
    }
    seen += read.records.length;
    records = newestWithin([...records, ...read.records.map((record) => ({ record, place }))], bytesMax);
    if (read.nextOffset <= offset) break;
    offset = read.nextOffset;
  }
  return { records, problem: null };
}

/** The newest of the records whose values have no more bytes together, and the newest one whatever it has. */
function newestWithin(records: readonly SampledRecord[], bytesMax: number): SampledRecord[] {
  let bytes = 0;
  const tooOld = records.findLastIndex(({ record: { value } }, index) => {
    bytes += value?.length ?? 0;
    return bytes > bytesMax && index < records.length - 1;
  });
  return records.slice(tooOld + 1);
}
