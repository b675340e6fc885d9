import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { makeBody } from '../../src/apps/event-producer/codes.ts';
import { publish, toOutgoing, topicsOf } from '../../src/apps/event-producer/publish.ts';
import { startOrderMgt } from '../../src/apps/order-mgt/order-mgt.ts';
import { openParts } from '../../src/apps/order-sync/open-parts.ts';
import { startOrderSync } from '../../src/apps/order-sync/order-sync.ts';
import { loadSettings } from '../../src/apps/shared/settings/load.ts';
import { readMetrics } from '../helpers/metrics-text.ts';
import { messageOf } from '../services/errors.ts';
import {
  findPrometheus,
  type PrometheusPrograms,
  promtool,
  startPrometheus,
} from '../services/prometheus.ts';
import { ALERT_STORIES, promtoolTests } from './alert-stories.ts';
import {
  ALERTS_FILE,
  alertQueries,
  alertRules,
  dashboardQueries,
  metricsIn,
  withoutThreshold,
} from './queries.ts';

const found = await findPrometheus().catch((error: unknown) => messageOf(error));
const programs = found as PrometheusPrograms;
const closers: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-ops-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts both programs, and lets events of every kind and one refused record go through them. */
async function startPrograms(): Promise<{ readonly sync: string; readonly mgt: string }> {
  const folder = await temporaryFolder();
  const logger = () => {};
  const mgt = await startOrderMgt({
    databaseUrl: `sqlite:${join(folder, 'order-mgt.sqlite')}`,
    host: '127.0.0.1',
    port: 0,
    secret: undefined,
    logger,
  });
  closers.push(() => mgt.close());
  const env = {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_PORT: '0',
    ORDER_SYNC_TARGET_URL: `${mgt.url}/api/orders`,
    ORDER_SYNC_RECONCILE_EVERY_MS: '1s',
  };
  const { values } = loadSettings('order-sync', { env });
  const sync = await startOrderSync(values, { clock: systemClock, logger, onFailure: () => {} });
  closers.push(() => sync.close());
  const { log, close } = await openParts(values, systemClock, logger);
  closers.push(close);
  const producer = log.producer();
  const topics = topicsOf(values);
  const event = (code: 'o' | 'pa', orderId: string) =>
    toOutgoing(makeBody(code, orderId, { timestampMs: Date.UTC(2025, 3, 5) }), {
      eventId: `${code} ${orderId}`,
      source: '/shop',
      topics,
    });
  await publish(producer, [event('o', 'a'), event('pa', 'a'), event('o', 'b'), event('o', 'a')]);
  await producer.append([{ topic: 'order_events', key: null, value: Buffer.from('{'), headers: [] }]);
  return { sync: sync.url, mgt: mgt.url };
}

describe.skipIf(typeof found === 'string')(
  `dashboard and alerts on a real Prometheus${typeof found === 'string' ? ` (${found})` : ''}`,
  () => {
    it('promtool finds no fault in the rules, each rule fires in its own story, and none fires while all is well', async () => {
      const folder = await temporaryFolder();
      expect(Object.keys(ALERT_STORIES).sort()).toEqual(
        alertRules()
          .map(({ alert }) => alert)
          .sort(),
      );
      await promtool(programs, ['check', 'rules', ALERTS_FILE], folder);
      await writeFile(join(folder, 'stories.yml'), stringify(promtoolTests(ALERTS_FILE)));
      await promtool(programs, ['test', 'rules', 'stories.yml'], folder);
    });

    describe('that scrapes both programs', () => {
      let ask: (expr: string) => Promise<readonly unknown[]>;
      let families: ReadonlySet<string>;

      beforeAll(async () => {
        const { sync, mgt } = await startPrograms();
        const target = (url: string) => [{ targets: [new URL(url).host] }];
        const { url, stop } = await startPrometheus(
          programs,
          stringify({
            global: { scrape_interval: '500ms', evaluation_interval: '1s' },
            rule_files: [ALERTS_FILE],
            scrape_configs: [
              { job_name: 'order-sync', static_configs: target(sync) },
              { job_name: 'order-mgt', static_configs: target(mgt) },
            ],
          }),
        );
        closers.push(stop);
        ask = async (expr) => {
          const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
          const body = (await answer.json()) as {
            status: string;
            error?: string;
            warnings?: string[];
            data: { result: unknown[] };
          };
          if (body.status !== 'success' || body.warnings !== undefined)
            throw new Error(`${expr}: ${body.error ?? body.warnings?.join(' ')}`);
          return body.data.result;
        };
        const texts = await Promise.all(
          [sync, mgt].map(async (each) => (await fetch(`${each}/metrics`)).text()),
        );
        families = new Set(texts.flatMap((text) => [...readMetrics(text).families.keys()]));
        // A rate needs two values, and the differences of a sweep need a sweep.
        const waiting = { timeout: 30_000, interval: 100 };
        await vi.waitFor(async () => {
          expect(await ask('up == 1')).toHaveLength(2);
          for (const needed of [
            'rate(tributary_states_received_total[1m])',
            'tributary_sweep_differences',
            'tributary_quarantine_records',
            'tributary_stuck_orders',
            'rate(tributary_events_consumed_total[1m])',
          ])
            expect(await ask(needed), needed).not.toEqual([]);
        }, waiting);
      });

      it('both targets are up, and no line of /metrics was refused', async () => {
        expect(await ask('up == 0')).toEqual([]);
        expect(await ask('scrape_samples_scraped == 0')).toEqual([]);
      });

      it.each(dashboardQueries())('$place: $expr', async ({ expr, labels }) => {
        for (const name of metricsIn(expr).filter((each) => each !== 'up'))
          expect(families.has(name) || families.has(name.replace(/_bucket$/, '')), name).toBe(true);
        const series = (await ask(expr)) as { metric: Record<string, string> }[];
        expect(series.length).toBeGreaterThan(0);
        for (const { metric } of series)
          expect(Object.keys(metric)).toEqual(expect.arrayContaining([...labels]));
      });

      it.each(alertQueries())('$place: $expr', async ({ expr }) => {
        await ask(expr);
        expect((await ask(withoutThreshold(expr))).length).toBeGreaterThan(0);
      });
    });
  },
);
