// Creates the product's two topics in a developer's services. The start of the server has created the database.

import { Admin } from '@platformatic/kafka';
import type { KafkaAddress, ServiceAddresses } from './addresses.ts';

const topics = ['order_events', 'payment_events'];
const partitions = 4;

/** Creates the topics in clusters that this project started, and never in a cluster that the environment names. */
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
