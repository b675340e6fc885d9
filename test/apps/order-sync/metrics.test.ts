import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { makeBody } from '../../../src/apps/event-producer/codes.ts';
import { publish, toOutgoing, topicsOf } from '../../../src/apps/event-producer/publish.ts';
import { ORDER_MGT_METRICS } from '../../../src/apps/order-mgt/metrics.ts';
import { ORDER_SYNC_METRICS } from '../../../src/apps/order-sync/metrics.ts';
import { openParts } from '../../../src/apps/order-sync/open-parts.ts';
import { startOrderSync } from '../../../src/apps/order-sync/order-sync.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import type { NewRecord } from '../../../src/ports/event-log.ts';
import { type Script, startScriptedServer } from '../../adapters/http-delivery/scripted-server.ts';
import { readMetrics, type Series, seriesValue } from '../../helpers/metrics-text.ts';

const WAITING = { timeout: 25_000, interval: 50 };

/** The names that dashboards rely on. A metric that is here never changes its name or its labels. */
const NAMED = {
  build_info: ['version', 'node'],
  events_consumed_total: ['topic', 'type'],
  events_journaled_total: [],
  events_duplicate_total: [],
  events_out_of_order_total: [],
  event_processing_duration_seconds: ['stage'],
  end_to_end_latency_seconds: ['stage'],
  consumer_lag_messages: ['topic', 'partition'],
  consumer_lag_seconds: ['topic', 'partition'],
  outbox_pending: ['target'],
  outbox_oldest_age_seconds: ['target'],
  delivery_attempts_total: ['target', 'outcome', 'code_class'],
  delivery_duration_seconds: ['target'],
  circuit_breaker_state: ['target'],
  dead_letters: ['target'],
  dead_letters_total: ['target', 'reason'],
  redrives_total: [],
} as const;

describe('the metrics of order-sync', () => {
  it.each(Object.entries(NAMED))('%s has its labels', (name, labels) => {
    const definition = ORDER_SYNC_METRICS.find((each) => each.name === name);
    expect(definition?.labels).toEqual(labels);
  });

  it.each([
    ['order-sync', ORDER_SYNC_METRICS],
    ['order-mgt', ORDER_MGT_METRICS],
  ])('the metrics of %s are named and described as Prometheus wants it', (_, definitions) => {
    expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length);
    for (const { name, help, type, labels } of definitions) {
      expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name.endsWith('_seconds')).toBe(type === 'histogram' || /lag_seconds|age_seconds/.test(name));
      expect(help).toMatch(/^[A-Z0-9].*\.$/);
      for (const label of labels) expect(label).not.toMatch(/order|entity|event_id|delivery_id|^le$|^__/);
    }
  });
});

/** Ids that would break the text format, or add a series, if they became a label. */
const HOSTILE_IDS = ['a"} 1\ntributary_evil 1', '{}', 'topic="x"', '\\', '__proto__', 'order\u202e-7'];

async function start(script: Script) {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-metrics-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const target = await startScriptedServer(script);
  onTestFinished(() => target.close());
  const env = {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_PORT: '0',
    ORDER_SYNC_TARGET_URL: target.url,
    ORDER_SYNC_DELIVERY_BACKOFF_BASE_MS: '1ms',
    ORDER_SYNC_RECONCILE_EVERY_MS: '0',
  };
  const { values } = loadSettings('order-sync', { env });
  const logger = () => {};
  const sync = await startOrderSync(values, { clock: systemClock, logger, onFailure: () => {} });
  onTestFinished(() => sync.close());
  const { log, close } = await openParts(values, systemClock, logger);
  onTestFinished(close);
  const producer = log.producer();
  const topics = topicsOf(values);
  return {
    async publish(...pairs: (readonly ['o' | 'pa' | 'par', string])[]) {
      const events = pairs.map(([code, orderId]) => {
        const timestampMs = Date.UTC(2025, 3, 5, 0, code === 'o' ? 0 : 1);
        const body = makeBody(code, orderId, { timestampMs });
        return toOutgoing(body, { eventId: `${code} of ${orderId}`, source: '/shop', topics });
      });
      await publish(producer, events);
    },
    append: (record: NewRecord) => producer.append([record]),
    async redrive(filter: object) {
      const answer = await fetch(`${sync.url}/api/v1/dead-letters:redrive`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ filter }),
      });
      expect([answer.status, await answer.text()]).toEqual([202, expect.anything()]);
    },
    async scrape() {
      const answer = await fetch(`${sync.url}/metrics`);
      expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      return readMetrics(await answer.text());
    },
  };
}

/** Refuses one order, and takes all others. */
const refusing =
  (orderId: string): Script =>
  (response, request) => {
    response.statusCode = request.headers['webhook-id'] === `msg_${orderId}:2` ? 422 : 200;
    response.end();
  };

describe('/metrics of order-sync', () => {
  it('shows what happened to events and deliveries', async () => {
    const { publish, append, scrape } = await start(refusing('bad'));
    await publish(['o', 'a'], ['pa', 'a'], ['o', 'bad'], ['pa', 'bad'], ['o', 'waits']);
    await publish(['o', 'a']);
    const value = Buffer.from('{"eventType":"A type from outside"}');
    await append({ topic: 'order_events', key: Buffer.from('x'), value, headers: [] });
    // The refused order is given up when it is refused again although the target took another order meanwhile.
    let orders = 3;
    await vi.waitFor(async () => {
      await publish(['o', `b-${orders}`], ['pa', `b-${orders}`]);
      orders++;
      const dead = { target: 'order-mgt', reason: 'refused' };
      expect(seriesValue((await scrape()).series, 'tributary_dead_letters_total', dead)).toBe(1);
    }, WAITING);
    const payments = orders - 1;
    await vi.waitFor(async () => {
      const { series } = await scrape();
      expect(seriesValue(series, 'tributary_events_journaled_total')).toBe(orders + payments);
      expect(seriesValue(series, 'tributary_outbox_pending')).toBe(0);
      expect(seriesValue(series, 'tributary_dead_letters')).toBe(1);
      expect(new Set(lagsOf(series))).toEqual(new Set([0]));
    }, WAITING);

    const { series, families } = await scrape();
    const count = (name: string, labels?: Record<string, string>) =>
      seriesValue(series, `tributary_${name}`, labels);
    const consumed = (topic: string, type: string) => count('events_consumed_total', { topic, type });
    expect(consumed('order_events', 'ORDER')).toBe(orders + 1);
    expect(consumed('order_events', 'refused')).toBe(1);
    expect(consumed('payment_events', 'PAYMENT')).toBe(payments);
    expect(count('events_duplicate_total')).toBe(1);
    expect(count('events_out_of_order_total')).toBe(0);
    expect(count('event_processing_duration_seconds_count', { stage: 'commit' })).toBeGreaterThan(0);
    expect(count('event_processing_duration_seconds_count', { stage: 'decode' })).toBeGreaterThan(0);
    expect(count('end_to_end_latency_seconds_count', { stage: 'journaled' })).toBe(orders + payments + 2);
    expect(count('end_to_end_latency_seconds_count', { stage: 'delivered' })).toBe(payments - 1);
    const attempts = (outcome: string, code_class: string) =>
      count('delivery_attempts_total', { target: 'order-mgt', outcome, code_class });
    expect(attempts('delivered', '2xx')).toBe(payments - 1);
    expect(attempts('park', '4xx')).toBeGreaterThanOrEqual(2);
    expect(count('delivery_duration_seconds_count', { target: 'order-mgt' })).toBeGreaterThan(payments);
    expect(count('circuit_breaker_state', { target: 'order-mgt' })).toBe(0);
    expect(count('outbox_oldest_age_seconds', { target: 'order-mgt' })).toBe(0);
    expect(count('dead_letters_total', { reason: 'attempts_exhausted' })).toBe(0);
    expect(count('quarantine_records', { topic: 'order_events' })).toBe(1);
    expect(count('partitions', { state: 'owned' })).toBe(lagsOf(series).length);
    expect(count('partitions', { state: 'halted' })).toBe(0);
    // Every definition is announced, with or without a series.
    const defined = ORDER_SYNC_METRICS.map(({ name, type }) => [`tributary_${name}`, type]);
    expect(defined.filter(([name = '', type]) => families.get(name)?.type !== type)).toEqual([]);
  });

  it('counts the deliveries that all redrives have made due', async () => {
    const { publish, scrape, redrive } = await start((response, request) => {
      response.statusCode = /bad/.test(String(request.headers['webhook-id'])) ? 422 : 200;
      response.end();
    });
    await publish(['o', 'bad-1'], ['pa', 'bad-1'], ['o', 'bad-2'], ['pa', 'bad-2']);
    let orders = 0;
    await vi.waitFor(async () => {
      await publish(['o', `b-${orders}`], ['pa', `b-${orders++}`]);
      expect(seriesValue((await scrape()).series, 'tributary_dead_letters')).toBe(2);
    }, WAITING);
    for (const [index, id] of ['bad-1', 'bad-2'].entries()) {
      await redrive({ entityId: id });
      await vi.waitFor(async () => {
        expect(seriesValue((await scrape()).series, 'tributary_redrives_total')).toBe(index + 1);
      }, WAITING);
    }
  });

  it('adds no series for an order, an event type from outside, or anything else that a record or an answer holds', async () => {
    const { publish, append, scrape } = await start((response) => {
      response.statusCode = 500;
      response.end('{"detail":"evil"}');
    });
    const refused = async (eventType: string) => {
      const value = Buffer.from(JSON.stringify({ eventType, orderId: eventType }));
      await append({ topic: 'order_events', key: Buffer.from(eventType), value, headers: [] });
    };
    const failed = { outcome: 'retry', code_class: '5xx' };
    await publish(['o', 'plain'], ['pa', 'plain']);
    await refused('plain');
    await vi.waitFor(async () => {
      const { series } = await scrape();
      expect(seriesValue(series, 'tributary_events_consumed_total', { type: 'refused' })).toBe(1);
      expect(seriesValue(series, 'tributary_delivery_attempts_total', failed)).toBeGreaterThan(0);
      expect(seriesValue(series, 'tributary_quarantine_records')).toBe(1);
    }, WAITING);
    const before = (await scrape()).series;
    await publish(
      ...HOSTILE_IDS.flatMap(
        (id) =>
          [
            ['o', id],
            ['pa', id],
          ] as const,
      ),
    );
    for (const id of HOSTILE_IDS) await refused(id);
    await vi.waitFor(async () => {
      const { series } = await scrape();
      const count = seriesValue(series, 'tributary_events_consumed_total', { type: 'refused' });
      expect(count).toBe(HOSTILE_IDS.length + 1);
    }, WAITING);
    const { series } = await scrape();
    const words = new Set(series.flatMap(({ labels }) => Object.values(labels)));
    for (const id of HOSTILE_IDS) expect([...words].some((word) => word.includes(id))).toBe(false);
    expect([...words].join(' ')).not.toMatch(/evil|\u202e/);
    expect(namesOf(series)).toEqual(namesOf(before));
  });
});

it('the lag in seconds of a partition that cannot be read is left out, and not shown as 0', async () => {
  const partition = (number: number, lag: object) => ({ topic: 'order_events', partition: number, lag });
  const partitions = [
    partition(0, { kind: 'none' }),
    partition(1, { kind: 'behind', messages: 3, seconds: 7 }),
    partition(2, { kind: 'unknown', messages: null }),
  ];
  const shared = { log: { ok: true, value: { partitions } } };
  const definition = ORDER_SYNC_METRICS.find(({ name }) => name === 'consumer_lag_seconds');
  const samples = definition?.read({ shared } as never);
  expect(samples?.map(({ labels, value }) => [labels[1], value])).toEqual([
    ['0', 0],
    ['1', 7],
  ]);
});

function lagsOf(series: readonly Series[]): number[] {
  return series.filter(({ name }) => name === 'tributary_consumer_lag_messages').map(({ value }) => value);
}

/** Our series without their values. */
function namesOf(series: readonly Series[]): string[] {
  return series
    .filter(({ name }) => name.startsWith('tributary_'))
    .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
    .sort();
}
