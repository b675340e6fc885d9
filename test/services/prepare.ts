// What a developer's services need before the programs run: the product's two topics. (The database is made by
// the server's start.)

import { Admin } from '@platformatic/kafka';
import type { KafkaAddress, ServiceAddresses } from './addresses.ts';

const topics = ['order_events', 'payment_events'];
const partitions = 4;

/** Clusters that were given by address are somebody's: nothing is made in them. */
export async function prepare(addresses: ServiceAddresses): Promise<void> {
  await Promise.all([addresses.kafka, addresses.kafka39].map(createTopics));
}

async function createTopics(kafka: KafkaAddress | undefined): Promise<void> {
  if (kafka === undefined || kafka.origin === 'environment') return;
  const admin = new Admin({ clientId: 'tributary-services', bootstrapBrokers: [...kafka.brokers] });
  try {
    const present = await admin.listTopics();
    const lacking = topics.filter((topic) => !present.includes(topic));
    if (lacking.length > 0) await admin.createTopics({ topics: lacking, partitions, replicas: 1 });
  } finally {
    await admin.close();
  }
}
