import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { startRegistry } from '../../adapters/schema-registry/registry.ts';
import { inspect } from './inspect-place.ts';

/** Orders as an application names them: a status in small letters, a number for the id, and no type. */
const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'OrderCreated',
  fields: [
    { name: 'order_id', type: 'long' },
    { name: 'order_status', type: { type: 'enum', name: 'Status', symbols: ['created'] } },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-micros' } },
  ],
});
const WRITER = avro.Type.forSchema(JSON.parse(SCHEMA.replace(/,"logicalType":"[^"]*"/, '')));

async function topic(): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-inspect-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock, logger: () => {} });
  await log.createTopics([{ topic: 'order_events', partitions: 1 }]);
  const producer = log.producer();
  const prefix = Buffer.from([0, 0, 0, 0, 7]);
  await producer.append(
    [1, 2, 3].map((id) => ({
      topic: 'order_events',
      key: Buffer.from(String(id)),
      value: Buffer.concat([
        prefix,
        WRITER.toBuffer({ order_id: id, order_status: 'created', timestamp: 1_743_820_000_123_456 }),
      ]),
      headers: [],
    })),
  );
  await producer.close();
  await log.close();
  return { TRIBUTARY_DATA_DIR: folder };
}

const WANTED = [
  '  ORDER_SOURCE=schema-registry',
  '  ORDER_SOURCE_FIELDS=order_id=orderId,order_status=orderStatus',
  '  ORDER_SOURCE_TYPE=ORDER',
  '  ORDER_SOURCE_ID=number',
  '  ORDER_SOURCE_VALUES=created=CREATED',
];

describe('event-producer inspect, of values behind schemas', () => {
  it('says what stands behind the prefix, and that the schemas are wanted', async () => {
    const { code, out } = await inspect(await topic(), 'order_events');
    expect(code).toBe(0);
    expect(out).toContain('schema 7; what stands behind it is no JSON, so probably Avro or Protobuf');
    expect(out).toContain('set SCHEMA_REGISTRY_URL or SCHEMA_FOLDER');
  });

  it('finds all settings that fit, with the schemas of a folder', async () => {
    const env = await topic();
    const folder = mkdtempSync(join(tmpdir(), 'tributary-schemas-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, '7.avsc'), SCHEMA);
    const { out } = await inspect({ ...env, SCHEMA_FOLDER: folder }, 'order_events');
    expect(out).toContain(
      `Settings that fit:\n${WANTED.join('\n')}\nWith them: 3 events (3 ORDER), 0 refused`,
    );
  });

  it('finds them with a registry, and exits with 4 while that does not answer', async () => {
    const env = await topic();
    const { url } = await startRegistry({ '/schemas/ids/7': { schema: SCHEMA } });
    const { out } = await inspect({ ...env, SCHEMA_REGISTRY_URL: url }, 'order_events');
    expect(out).toContain(WANTED.join('\n'));
    const dead = await inspect({ ...env, SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' }, 'order_events');
    expect(dead.code).toBe(4);
    expect(dead.error).toContain('The schema registry at http://127.0.0.1:1 does not answer');
  });
});
