/** Small batches that unpack to hundreds of MiB, in each codec: the memory of order-sync stays bounded. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { placeName } from '../lib/kafka-client.ts';
import { peakMemoryMibOf } from '../lib/process-usage.ts';
import { resume } from './operator.ts';
import { RECOVERY_LIMIT_SECONDS, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { conclude } from './verdict.ts';

export interface Bomb {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partition: number;
  readonly codec: string;
  readonly records: number;
  readonly recordBytes: number;
}

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const RECORD_BYTES = 4 << 20;
/** Unpacked, one bomb of each codec is 400 MiB. */
const RECORDS = 100;
/** Snappy makes a twentieth of it, the others much less. */
const TOPIC_BATCH_BYTES = 64 << 20;
const LIMIT_MEMORY_MIB = 768;
const PATIENCE_SECONDS = 60;

export const bomb: Scenario = {
  name: 'bomb',
  plan: `a record batch of each codec (${CODECS.join(', ')}) unpacks to ${(RECORDS * RECORD_BYTES) >> 20} MiB; where its partition halts, an operator goes on behind it`,
  limitSeconds: 300,
  notApplicable: () => null,
  async run(context) {
    const cluster = await context.ground.kafka();
    const stage = await Stage.open(context, {
      log: 'kafka',
      makeTopics: async ({ order, payment }) => {
        await cluster.createTopics(
          [order, payment].map((name) => ({
            name,
            replicas: [[1], [1], [1], [1]],
            configs: { 'max.message.bytes': String(TOPIC_BATCH_BYTES) },
          })),
        );
      },
    });
    const [sync] = await stage.startSyncs(1);
    if (sync === undefined) throw new Error('There is one');
    await stage.warmUp(5);
    const before = peakMemoryMibOf(sync.pid);
    const bombs = new Map<string, { readonly codec: string; readonly offset: bigint }>();
    for (const [partition, codec] of CODECS.entries()) {
      const offset = await throwBomb({
        brokers: cluster.brokers,
        topic: stage.topics.order,
        partition,
        codec,
        records: RECORDS,
        recordBytes: RECORD_BYTES,
      });
      bombs.set(`${stage.topics.order}/${partition}`, { codec, offset });
      if (bombs.size === 1) stage.faultBegins('Bombs are thrown');
      stage.say(`${codec}: ${RECORDS} records of ${RECORD_BYTES >> 20} MiB at ${offset}`);
    }
    await stage.wait(2);
    await stage.until(PATIENCE_SECONDS, async () => {
      const halts = sync.isRunning ? await stage.haltedBy(sync) : new Map<string, string>();
      return [...bombs.keys()].every((place) => halts.has(place)) || stage.progress.isAt(stage.feeder.ends());
    });
    // A batch that unpacks to more than the limit may halt its partition: then a person decides.
    const halts = sync.isRunning ? await stage.haltedBy(sync) : new Map<string, string>();
    const halted = [...bombs].filter(([place]) => halts.has(place));
    for (const [place] of halted) stage.say(`halted: ${place}: ${halts.get(place)}`);
    for (const [place, { offset }] of halted) {
      stage.say(await resume(stage, place, String(offset + BigInt(RECORDS))));
    }
    const resumedAtMs = performance.now();
    const recoverySeconds = await stage.caughtUp(
      stage.feeder.ends(),
      RECOVERY_LIMIT_SECONDS + 15,
      resumedAtMs,
    );
    const hasDied = !sync.isRunning;
    const peak = hasDied ? -1 : peakMemoryMibOf(sync.pid);
    stage.say(`order-sync had ${before} MiB before and ${peak} MiB at most`);
    const malformed = new Set(
      [...bombs]
        .filter(([place]) => !halted.some(([other]) => other === place))
        .flatMap(([place, { offset }]) => {
          const [topic = '', partition] = place.split('/');
          return Array.from({ length: RECORDS }, (_, number) =>
            placeName(topic, Number(partition), offset + BigInt(number)),
          );
        }),
    );
    return conclude(stage, {
      seen: `${bombs.size} bombs of ${(RECORDS * RECORD_BYTES) >> 20} MiB; ${halted.length} partitions halted`,
      recoverySeconds,
      isHealthy: (part) => part.startsWith(stage.topics.payment),
      malformed,
      wrong: peak > LIMIT_MEMORY_MIB ? [`order-sync had ${peak} MiB, more than ${LIMIT_MEMORY_MIB}`] : [],
      more: { memory_mib_before: before, peak_memory_mib: peak, partitions_halted: halted.length },
    });
  },
};

/** Resolves with the offset of the first record. */
async function throwBomb(thrown: Bomb): Promise<bigint> {
  const script = join(import.meta.dirname, 'bomb-thrower.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    script,
    JSON.stringify(thrown),
  ]);
  return BigInt(stdout.trim());
}
