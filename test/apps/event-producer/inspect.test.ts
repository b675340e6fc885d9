import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { appendCases, inspect } from './inspect-place.ts';

/** The settings of a data directory whose topic has the records of a file of cases. */
async function topicWith(file: string | null, topic = 'order_events'): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-inspect-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock, logger: () => {} });
  if (file === null) await log.createTopics([{ topic, partitions: 2 }]);
  else await appendCases(log, topic, file);
  await log.close();
  return { TRIBUTARY_DATA_DIR: folder };
}

describe('event-producer inspect', () => {
  it('says what the records are, what is refused now and why, and which settings fit', async () => {
    const env = await topicWith('schema-registry');
    const { code, out } = await inspect(env, 'order_events');
    expect(code).toBe(0);
    expect(out).toContain('order_events: 2 partitions, 3 offsets; looked at the newest 3 records\n');
    expect(out).toContain(
      "     1  The value begins with a schema registry's prefix, schema 200; JSON stands behind it.\n",
    );
    expect(out).toContain('Under the settings of now: 0 events, 3 refused\n');
    expect(out).toMatch(
      / 1 {2}schema_registry_prefix: .* schema 1; .* \(as at order_events\/[01] offset \d\)\n/,
    );
    expect(out).toContain(
      'Settings that fit:\n  ORDER_SOURCE=schema-registry\nWith them: 3 events (3 ORDER), 0 refused\n',
    );
  });

  it('gives the same as JSON, with the settings of now', async () => {
    const env = { ...(await topicWith('debezium-outbox-with-schemas')), PAYMENT_TOPIC: 'order_events' };
    const { out } = await inspect({ ...env, ORDER_SOURCE: 'cloudevents' }, 'order_events', '--json');
    expect(JSON.parse(out)).toEqual({
      topic: 'order_events',
      partitions: 2,
      offsets: 2,
      sampled: 2,
      problems: [],
      forms: [
        {
          form: "The body is Kafka Connect's envelope, schema and payload; its payload is a text that holds JSON: an event.",
          count: 2,
        },
      ],
      now: {
        isRead: true,
        settings: { ORDER_SOURCE: 'cloudevents', PAYMENT_SOURCE: 'cloudevents' },
        accepted: 0,
        eventTypes: {},
        refused: [
          {
            reason: 'source_mismatch',
            detail: 'The record is no CloudEvent, as the source cloudevents expects.',
            count: 2,
            example: { partition: expect.any(Number), offset: 0 },
          },
        ],
      },
      fit: {
        settings: { ORDER_SOURCE: 'debezium-outbox', PAYMENT_SOURCE: 'debezium-outbox' },
        nearest: {},
        doubts: [],
        accepted: 2,
        eventTypes: { ORDER: 1, PAYMENT: 1 },
        refused: [],
      },
    });
  });

  it('finds the settings of now right, if they are', async () => {
    const env = await topicWith('spring-kafka-3');
    const { out } = await inspect({ ...env, ORDER_SOURCE_TIME: 'jackson' }, 'order_events');
    expect(out).toContain(
      'Under the settings of now: 8 events (8 ORDER), 0 refused\n\nNo other settings fit better.',
    );
    expect(out).not.toContain('Settings that fit');
  });

  it('names the settings that are to be taken away', async () => {
    const env = await topicWith('large-numbers');
    const { out } = await inspect({ ...env, ORDER_SOURCE: 'cloudevents' }, 'order_events');
    expect(out).toContain(
      'Settings that fit:\n  without ORDER_SOURCE\nWith them: 4 events (4 ORDER), 0 refused',
    );
  });

  it('names the topic itself if the settings read another one', async () => {
    const env = await topicWith('large-numbers', 'shop');
    const { out } = await inspect(env, 'shop');
    expect(out).toContain('Under the settings of now (which read no topic of this name): 4 events');
    expect(out).toContain('Settings that fit:\n  ORDER_TOPIC=shop\n');
  });

  it('says that no settings help, and shows no value', async () => {
    const env = await topicWith('debezium-change-event');
    const { code, out } = await inspect(env, 'order_events');
    expect(out).toContain('No settings make events of them.');
    expect(out).not.toContain('ord-9');
    expect(code).toBe(0);
  });

  it('says what is missing under the nearest settings, and keeps the values that a person has named', async () => {
    const env = await topicWith('newtonsoft-numbers');
    const fields = 'EventType=eventType,OrderId=orderId,Timestamp=timestamp';
    const { out } = await inspect(env, 'order_events');
    expect(out).toContain(`These come nearest:\n  ORDER_SOURCE_FIELDS=${fields},`);
    expect(out).toMatch(/With them: 0 events, 1 refused\n {5}1 {2}value_unknown: .*orderStatus/);
    const values = { ORDER_SOURCE_VALUES: '0=CREATED' };
    const { out: told } = await inspect({ ...env, ...values }, 'order_events');
    expect(told).toContain('  ORDER_SOURCE_VALUES=0=CREATED\nWith them: 1 event (1 ORDER), 0 refused\n');
  });

  it('looks at no more records than it is told to, and at the newest', async () => {
    const env = await topicWith('times');
    const { out } = await inspect(env, 'order_events', '--sample', '3', '--json');
    expect(JSON.parse(out)).toMatchObject({ offsets: 22, sampled: 3 });
    for (const sample of ['0', 'x', '10001'])
      expect(await inspect(env, 'order_events', '--sample', sample)).toMatchObject({ code: 2, out: '' });
  });

  it('tells an empty topic from one that is missing', async () => {
    const env = await topicWith(null);
    expect((await inspect(env, 'order_events')).out).toContain('There is no record to look at.');
    const missing = await inspect(env, 'nothing_here');
    expect(missing.error).toContain('The embedded log has no topic "nothing_here": check its name.');
    expect(missing.code).not.toBe(0);
  });
});
