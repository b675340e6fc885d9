import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import packageJson from '../../../../package.json' with { type: 'json' };
import type { DurationTotals } from '../../../core/duration-histogram.ts';

/**
 * A metric that is read at each scrape. The program counts in plain numbers of its own, and a definition says which of them a
 * metric shows. So counting costs the same whether anybody scrapes or not.
 */
export interface MetricDefinition<Snapshot> {
  /** The name without the prefix `tributary_`. The name of a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /**
   * The names of the labels. Their values come from small fixed sets: topics, targets, types, outcomes. An order id is never
   * one of them, and neither is anything else that a record or an answer holds.
   */
  readonly labels: readonly string[];
  /** The present values, one for each set of label values. What is not known now is left out. */
  readonly read: (snapshot: Snapshot) => readonly MetricSample[];
}

export interface MetricSample {
  /** One value for each of the definition's labels, in the same sequence. */
  readonly labels: readonly string[];
  /** A histogram has totals in the place of one number. */
  readonly value: number | DurationTotals;
}

export const METRIC_PREFIX = 'tributary_';

/** What both programs say about themselves. */
export const BUILD_INFO: MetricDefinition<unknown> = {
  name: 'build_info',
  help: 'Always 1. The labels say which program runs, in which version, on which Node.',
  type: 'gauge',
  labels: ['version', 'node'],
  read: () => [{ labels: [packageJson.version, process.version], value: 1 }],
};

/** Counts the requests that were answered with a problem. The codes are those of the program, so there are few of them. */
export class ProblemCounts {
  readonly #counts = new Map<string, number>();

  count(code: string): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  list(): readonly (readonly [code: string, requests: number])[] {
    return [...this.#counts];
  }
}

export const PROBLEMS: MetricDefinition<{ readonly problems: ReturnType<ProblemCounts['list']> }> = {
  name: 'problems_total',
  help: 'Requests that were answered with a problem, and refused members of delivery batches, by code.',
  type: 'counter',
  labels: ['code'],
  read: ({ problems }) => problems.map(([code, value]) => ({ labels: [code], value })),
};

/** The metrics of one program, as Prometheus reads them. */
export class MetricsPage<Snapshot> {
  readonly #registry = new Registry();
  readonly #take: () => Promise<Snapshot>;
  #snapshot: Snapshot | undefined;
  #hasProcessMetrics = false;

  /** `take` has to resolve within a second or two, with what is known by then. It is called for each scrape. */
  constructor(definitions: readonly MetricDefinition<Snapshot>[], take: () => Promise<Snapshot>) {
    this.#take = take;
    for (const definition of definitions) this.#register(definition);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    // Some of them measure all the time, for example the event loop. So they begin with the first scrape.
    if (!this.#hasProcessMetrics) collectDefaultMetrics({ register: this.#registry });
    this.#hasProcessMetrics = true;
    this.#snapshot = await this.#take();
    // The registry reads all metrics in this turn, so all of them are of one snapshot.
    return this.#registry.metrics();
  }

  /**
   * prom-client's own counters and histograms only count up by themselves. The registry asks a metric for no more than its
   * name and the values of `get`, so this one reads them from the snapshot.
   */
  #register({ name, help, type, labels, read }: MetricDefinition<Snapshot>): void {
    const fullName = METRIC_PREFIX + name;
    const metric = {
      name: fullName,
      help,
      type,
      get: async () => ({
        name: fullName,
        help,
        type,
        values:
          this.#snapshot === undefined
            ? []
            : read(this.#snapshot).flatMap((sample) => linesOf(fullName, labels, sample)),
      }),
    };
    this.#registry.registerMetric(metric as unknown as Metric);
  }
}

interface Line {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function linesOf(
  name: string,
  labelNames: readonly string[],
  { labels: values, value }: MetricSample,
): Line[] {
  const labels = Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? '']));
  if (typeof value === 'number') return [{ metricName: name, labels, value }];
  const { buckets, count, sumSeconds } = value;
  return [
    ...buckets.map(({ leSeconds, count: upTo }) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: String(leSeconds) },
      value: upTo,
    })),
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels, value: sumSeconds },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

export interface MetricsParts {
  readonly metrics: Pick<MetricsPage<never>, 'text' | 'contentType'>;
}

const METRICS_SCHEMA = {
  operationId: 'readMetrics',
  summary: 'The metrics of this program, in the text format of Prometheus.',
  response: {
    200: {
      description: 'One line for each series.',
      content: { 'text/plain': { schema: { type: 'string' } } },
    },
  },
} as const;

/** Adds `/metrics`. */
export function addMetricsRoute(app: FastifyInstance, { metrics }: MetricsParts): void {
  app.get('/metrics', { schema: METRICS_SCHEMA }, async (_request, reply) => {
    const text = await metrics.text();
    return reply.type(metrics.contentType).send(text);
  });
}
