import avro from 'avsc';
import { describe, expect, it, vi } from 'vitest';
import { openValueSchemas } from '../../src/adapters/schema-registry/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { type Answers, AVRO_ORDER, startRegistry } from '../adapters/schema-registry/registry.ts';
import { created, SyncPlace } from './sync-place.ts';

const AVRO = avro.Type.forSchema(JSON.parse(AVRO_ORDER.replace(/,"logicalType":"[^"]*"/, '')));

function avroRecord(orderId: string) {
  const value = AVRO.toBuffer({
    eventType: 'ORDER',
    orderId,
    orderStatus: 'CREATED',
    timestamp: 1_743_820_000_123,
    revision: null,
  });
  const prefix = Buffer.from([0, 0, 0, 0, 7]);
  return {
    topic: 'order_events',
    key: Buffer.from(orderId),
    value: Buffer.concat([prefix, value]),
    headers: [],
  };
}

describe('a pipeline whose records need schemas', () => {
  it('waits while the registry does not answer, and then journals every record', async () => {
    const answers: Answers = { '/schemas/ids/7': { status: 503, text: '' } };
    const { url, asked } = await startRegistry(answers);
    const place = await SyncPlace.make();
    await place.makeTopics();
    await place.append(avroRecord('a'), avroRecord('b'), created('c'));
    const schemas = openValueSchemas({ clock: systemClock, registry: { url, settingName: 'REGISTRY' } });
    const sync = place.sync({ ingest: { schemas, sources: { order_events: { kind: 'schema-registry' } } } });
    await sync.start();
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(1), 20_000);
    expect(place.logged.some((line) => line.includes('answered /schemas/ids/7 with 503'))).toBe(true);
    expect(await sync.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('The schema registry at'),
    });
    expect(await place.store.readQuarantine({ state: 'all', after: null, limit: 10 })).toEqual([]);

    answers['/schemas/ids/7'] = { schema: AVRO_ORDER };
    await vi.waitFor(
      async () => expect([...(await place.store.readJournals(['a', 'b', 'c'])).values()]).toHaveLength(3),
      20_000,
    );
    expect(await place.store.readQuarantine({ state: 'all', after: null, limit: 10 })).toEqual([]);
  });
});
