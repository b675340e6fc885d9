import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import {
  addMetricsRoute,
  BUILD_INFO,
  type MetricDefinition,
  MetricsPage,
  PROBLEMS,
  ProblemCounts,
} from '../../../../src/apps/shared/http/metrics.ts';

interface Snapshot {
  readonly lag: number | null;
}

const LAG: MetricDefinition<Snapshot> = {
  name: 'lag_messages',
  help: 'Records that wait.',
  type: 'gauge',
  labels: ['topic', 'partition'],
  read: ({ lag }) => (lag === null ? [] : [{ labels: ['order_events', '3'], value: lag }]),
};

const SECONDS: MetricDefinition<Snapshot> = {
  name: 'wait_seconds',
  help: 'Waits.',
  type: 'histogram',
  labels: ['target'],
  read: () => [
    {
      labels: ['crm'],
      value: {
        buckets: [
          { leSeconds: 0.1, count: 2 },
          { leSeconds: 1, count: 5 },
        ],
        count: 7,
        sumSeconds: 12.5,
      },
    },
  ],
};

const seriesOf = (text: string, name: string) =>
  text.split('\n').filter((line) => line.startsWith(`tributary_${name}`));

describe('the page of metrics', () => {
  it('shows the values of each scrape, and nothing for what is not known', async () => {
    let lag: number | null = 4;
    const page = new MetricsPage([LAG], async () => ({ lag }));
    const wanted = (value: number) => [`tributary_lag_messages{topic="order_events",partition="3"} ${value}`];
    expect(seriesOf(await page.text(), 'lag_messages')).toEqual(wanted(4));
    lag = 5;
    expect(seriesOf(await page.text(), 'lag_messages')).toEqual(wanted(5));
    lag = null;
    expect(seriesOf(await page.text(), 'lag_messages')).toEqual([]);
  });

  it('shows each bucket of a histogram, all values in the infinite one, their sum and their number', async () => {
    const page = new MetricsPage([SECONDS], async () => ({ lag: 0 }));
    expect(seriesOf(await page.text(), 'wait_seconds')).toEqual([
      'tributary_wait_seconds_bucket{target="crm",le="0.1"} 2',
      'tributary_wait_seconds_bucket{target="crm",le="1"} 5',
      'tributary_wait_seconds_bucket{target="crm",le="+Inf"} 7',
      'tributary_wait_seconds_sum{target="crm"} 12.5',
      'tributary_wait_seconds_count{target="crm"} 7',
    ]);
  });

  it('shows the metrics of the process at every scrape, also after a scrape that failed', async () => {
    let isDown = true;
    const page = new MetricsPage([LAG, BUILD_INFO], async () => {
      if (isDown) throw new Error('The snapshot failed.');
      return { lag: 1 };
    });
    await expect(page.text()).rejects.toThrow('The snapshot failed.');
    isDown = false;
    for (let scrape = 0; scrape < 2; scrape++) {
      const text = await page.text();
      expect(text).toContain('process_cpu_seconds_total');
      expect(seriesOf(text, 'build_info')).toEqual([
        expect.stringMatching(/^tributary_build_info\{version="[^"]+",node="v\d+[^"]*"\} 1$/),
      ]);
    }
  });

  it('counts each problem by its code', async () => {
    const counts = new ProblemCounts();
    for (const code of ['body_invalid', 'route_unknown', 'body_invalid']) counts.count(code);
    const page = new MetricsPage([PROBLEMS], async () => ({ problems: counts.list() }));
    expect(seriesOf(await page.text(), 'problems_total')).toEqual([
      'tributary_problems_total{code="body_invalid"} 2',
      'tributary_problems_total{code="route_unknown"} 1',
    ]);
  });

  it('answers as Prometheus reads it', async () => {
    const app = fastify();
    addMetricsRoute(app, { metrics: new MetricsPage([LAG], async () => ({ lag: 1 })) });
    const { statusCode, headers, body } = await app.inject('/metrics');
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toContain('# TYPE tributary_lag_messages gauge');
  });
});
