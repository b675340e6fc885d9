/**
 * `npm run check:samples` sends every subset of the original's five samples in every sequence through the embedded
 * pipeline, and compares the result with the oracle. See docs/checks.md.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { type Comparison, compareWithOracle } from './lib/comparison.ts';
import { type EmbeddedPipeline, startEmbeddedPipeline } from './lib/embedded-pipeline.ts';
import { Random } from './lib/random.ts';
import { orderedSubsets, SAMPLES, type Sample, sampleRecord } from './lib/samples.ts';
import { Oracle, type RawRecord } from './oracle.ts';

const topics = { order: 'order_events', payment: 'payment_events' };
const sequences = orderedSubsets(SAMPLES);

/** The ways in which events are repeated. */
const DUPLICATIONS = {
  once: (events: readonly Sample[]) => [...events],
  doubled: (events: readonly Sample[]) => events.flatMap((event) => [event, event]),
  again: (events: readonly Sample[], random: Random) => {
    const result = [...events];
    for (const event of events) result.splice(random.below(result.length + 1), 0, event);
    return result;
  },
};

/** The number of events of one order that are appended before the pipeline must have committed them. */
const PORTIONS = ['1', '2', '3', 'all', 'random'] as const;
type Portion = (typeof PORTIONS)[number];

/** Settings of the pipeline that move the boundaries of its transactions. */
const PIPELINES = [
  { ORDER_SYNC_BATCH_EVENTS: '4000', ORDER_SYNC_LANES: '4' },
  { ORDER_SYNC_BATCH_EVENTS: '7', ORDER_SYNC_LANES: '2' },
  { ORDER_SYNC_BATCH_EVENTS: '1', ORDER_SYNC_LANES: '1' },
];

interface Case {
  readonly orderId: string;
  readonly portions: readonly (readonly RawRecord[])[];
}

class Totals {
  cases = 0;
  comparisons = 0;
  events = 0;
  lost = 0;
  duplicated = 0;
  divergent = 0;
  quarantined = 0;
  bodies_different = 0;
  readonly examples: string[] = [];

  /** Adds the faults of a comparison. */
  add(comparison: Comparison): void {
    this.comparisons++;
    this.lost += comparison.lost;
    this.duplicated += comparison.duplicated;
    this.divergent += comparison.divergent;
    this.quarantined += comparison.quarantined;
    this.bodies_different += comparison.bodies_different;
    this.examples.push(...comparison.examples.slice(0, 20 - this.examples.length));
  }
}

await runCommand({
  name: 'samples',
  summary:
    "Sends every subset of the original's five samples in every sequence through the embedded pipeline.",
  examples: ['npm run check:samples', 'npm run check:samples -- --seed 42'],
  options: [
    {
      name: 'seed',
      value: 'number',
      fallback: '1',
      help: 'The same seed places the same duplicates and portions',
    },
  ],
  async run(check): Promise<Figures> {
    const seed = check.number('seed');
    const random = new Random(seed);
    const totals = new Totals();
    for (const settings of PIPELINES) await checkSideBySide(check, settings, random, totals);
    await checkAlone(check, random, totals);
    for (const example of totals.examples) check.progress(example);
    const { cases, events, comparisons, lost, duplicated, divergent, quarantined, bodies_different } = totals;
    const ok = lost + duplicated + divergent + quarantined + bodies_different === 0 && cases > 0;
    return {
      cases,
      subsets: 31,
      sequences: sequences.length,
      events,
      comparisons,
      lost,
      duplicated,
      divergent,
      quarantined,
      bodies_different,
      seed,
      ok,
    };
  },
});

/**
 * Runs all cases in one pipeline. Each case is an order of its own, whose id replaces `order123` in the samples, and
 * nothing else changes. After each round the state of every order so far must be right.
 */
async function checkSideBySide(
  check: RunningCheck,
  settings: Readonly<Record<string, string>>,
  random: Random,
  totals: Totals,
): Promise<void> {
  const pipeline = await startEmbeddedPipeline(check.temporaryFolder(), settings, check.signal);
  const close = check.defer(() => pipeline.close());
  const oracle = new Oracle(topics);
  for (const portion of PORTIONS) {
    const cases = makeCases(portion, random);
    const rounds = Math.max(...cases.map(({ portions }) => portions.length));
    for (let round = 0; round < rounds; round++) {
      const records = random.shuffled(cases).flatMap(({ portions }) => portions[round] ?? []);
      await pass(pipeline, oracle, records, totals);
      totals.add(await compareWithOracle(pipeline.tables, oracle, new Set()));
    }
    totals.cases += cases.length;
    check.progress(
      `${cases.length} cases in portions of ${portion}, ${settings.ORDER_SYNC_BATCH_EVENTS} events a batch: ` +
        `divergent ${totals.divergent} so far`,
    );
  }
  await close();
}

function makeCases(portion: Portion, random: Random): Case[] {
  return Object.entries(DUPLICATIONS).flatMap(([name, duplicate]) =>
    sequences.map((sequence, index) => {
      const orderId = `${name}-${portion}-${index}`;
      const records = duplicate(sequence, random).map((sample) => sampleRecord(sample, topics, orderId));
      return { orderId, portions: cut(records, portion, random) };
    }),
  );
}

function cut<Item>(items: readonly Item[], portion: Portion, random: Random): Item[][] {
  const portions: Item[][] = [];
  for (let start = 0; start < items.length; ) {
    const size =
      portion === 'all' ? items.length : portion === 'random' ? 1 + random.below(4) : Number(portion);
    portions.push(items.slice(start, start + size));
    start += size;
  }
  return portions;
}

/** Runs the samples byte for byte with the id `order123`, so each sequence needs a new log and store. */
async function checkAlone(check: RunningCheck, random: Random, totals: Totals): Promise<void> {
  const folder = check.temporaryFolder();
  for (const [index, sequence] of sequences.entries()) {
    for (const isDoubled of [false, true]) {
      const events = isDoubled ? DUPLICATIONS.again(sequence, random) : sequence;
      const records = events.map((sample) => sampleRecord(sample, topics));
      const store = join(folder, `${index}-${isDoubled}`);
      const pipeline = await startEmbeddedPipeline(store, {}, check.signal);
      const oracle = new Oracle(topics);
      try {
        for (const portion of cut(records, isDoubled ? 'random' : '1', random)) {
          await pass(pipeline, oracle, portion, totals);
        }
        totals.add(await compareWithOracle(pipeline.tables, oracle, new Set()));
      } finally {
        await pipeline.close();
      }
      rmSync(store, { recursive: true });
      totals.cases++;
    }
    if (index % 65 === 64) check.progress(`${index + 1} of ${sequences.length} sequences in fresh stores`);
  }
}

async function pass(
  pipeline: EmbeddedPipeline,
  oracle: Oracle,
  records: readonly RawRecord[],
  totals: Totals,
): Promise<void> {
  for (const record of records) oracle.add(record);
  await pipeline.append(records);
  await pipeline.settled();
  totals.events += records.length;
}
