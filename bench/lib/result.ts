/** The one shape of a result, as it is kept in bench/results. See docs/checks.md. */
import * as v from 'valibot';

const number = v.pipe(v.number(), v.finite());

const measureShape = v.strictObject({
  /** What was done, such as `mariadb`. A table or a group of bars compares the programs of one subject. */
  subject: v.string(),
  /** Who did it, such as `order-sync`. */
  program: v.string(),
  /** What was measured, in snake_case with the unit last, such as `events_per_second`. */
  figure: v.string(),
  /** One value for each run, in the sequence of the runs. */
  runs: v.pipe(v.array(number), v.minLength(1)),
  median: number,
});

const barShape = v.strictObject({
  name: v.string(),
  /** Null if this run did not measure it. Then the bar is not reached. */
  value: v.nullable(number),
  /** Whether `value` must be at least or at most `bar`. */
  must: v.picklist(['at least', 'at most']),
  bar: number,
  ok: v.boolean(),
});

const resultShape = v.strictObject({
  bench: v.string(),
  command: v.string(),
  /** When the bench began, in UTC. */
  date: v.pipe(v.string(), v.isoTimestamp()),
  commit: v.string(),
  /** Whether the checkout had changes that the commit lacks. */
  is_dirty: v.boolean(),
  is_quick: v.boolean(),
  machine: v.strictObject({
    cpu: v.string(),
    cores: v.number(),
    memory_gib: v.number(),
    kernel: v.string(),
  }),
  /** The versions of Node, Kafka, the databases and the peers. */
  versions: v.record(v.string(), v.string()),
  /** The sizes and settings of this run, and counts. */
  facts: v.record(v.string(), v.union([v.string(), number, v.boolean()])),
  measures: v.array(measureShape),
  bars: v.array(barShape),
  /** The peers that could not be had. */
  missing: v.array(v.strictObject({ peer: v.string(), reason: v.string() })),
  seconds: v.number(),
  ok: v.boolean(),
});

export type Measure = Readonly<v.InferOutput<typeof measureShape>>;
export type Bar = Readonly<v.InferOutput<typeof barShape>>;
export type BenchResult = Readonly<v.InferOutput<typeof resultShape>>;

/** Reads a result, and throws with the place of the first member that is wrong. */
export function parseResult(text: string): BenchResult {
  const parsed = v.safeParse(resultShape, JSON.parse(text));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new Error(`${v.getDotPath(issue) ?? 'the result'}: ${issue.message}`);
}

/** The result as one line of figures, for RESULT: a median is called `<program>_<subject>_<figure>`. */
export function figuresOf(result: BenchResult): Record<string, unknown> & { readonly ok: boolean } {
  const figures: Record<string, unknown> = { bench: result.bench, ...result.facts };
  for (const { program, subject, figure, median, runs } of result.measures) {
    const name = [program, subject, figure].filter((part) => part !== '').join('_');
    figures[snake(name)] = median;
    if (runs.length > 1) figures[`${snake(name)}_of_runs`] = runs;
  }
  const { bars, missing, versions, machine, commit, is_dirty, seconds, ok } = result;
  return { ...figures, bars, missing, versions, machine, commit, is_dirty, seconds, ok };
}

function snake(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
}
