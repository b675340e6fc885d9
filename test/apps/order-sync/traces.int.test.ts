import { randomBytes } from 'node:crypto';
import { describe, onTestFinished } from 'vitest';
import { createDatabase, services } from '../../services/context.ts';
import { tellTraceStory } from './trace-story.ts';

const DATABASES = ['mysql', 'mariadb'] as const;

describe.each(DATABASES)('traces on Kafka and %s', (database) => {
  describe.skipIf(services().lacks('kafka') || services().lacks(database))('with real servers', () => {
    tellTraceStory(`Kafka and ${database}`, 'kafka', async () => {
      const { url, drop } = await createDatabase(services()[database].url);
      onTestFinished(() => drop());
      const suffix = randomBytes(4).toString('hex');
      return {
        KAFKA_BROKERS: services().kafka.brokers.join(','),
        DATABASE_URL: url,
        ORDER_TOPIC: `orders-${suffix}`,
        PAYMENT_TOPIC: `payments-${suffix}`,
        ORDER_SYNC_GROUP: `traces-${suffix}`,
      };
    });
  });
});
