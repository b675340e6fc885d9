import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openTestLog } from '../../adapters/kafka/harness.ts';
import { services } from '../../services/context.ts';
import { appendCases, inspect } from './inspect-place.ts';

describe.skipIf(services().lacks('kafka'))('event-producer inspect, on Kafka', () => {
  it.each([
    ['debezium-outbox-expanded', { ORDER_SOURCE: 'debezium-outbox' }],
    ['schema-registry', { ORDER_SOURCE: 'schema-registry' }],
    ['spring-kafka-3', { ORDER_SOURCE_TIME: 'jackson' }],
    ['keys', { ORDER_SOURCE_KEY: 'ignore' }],
    ['bytes', {}],
  ])('finds the settings for %s', async (file, settings) => {
    const { brokers } = services().kafka;
    const { log } = openTestLog(brokers);
    try {
      const topic = `inspect-${randomUUID()}`;
      await appendCases(log, topic, file);
      const env = { KAFKA_BROKERS: brokers.join(','), ORDER_TOPIC: topic };
      const { code, out } = await inspect(env, topic, '--json');
      expect(JSON.parse(out).fit.settings).toMatchObject(settings);
      expect(code).toBe(0);
    } finally {
      await log.close();
    }
  });
});
