import { join } from 'node:path';
import { findPython } from '../../services/python.ts';
import { type Fact, factOf, objectOf, statusField } from './facts.ts';
import type { Stage } from './stage.ts';
import { PARTITIONS } from './stage.ts';
import type { ExpectedEvent, Published, Variant } from './variant.ts';

/** Confluent's client for Python with its own serializers, which register their schemas. */
export const CONFLUENT: readonly Variant[] = [
  {
    name: 'registry-json',
    needs: ['registry'],
    form: /a schema registry's prefix, schema \d+; JSON stands behind it/,
    publish: (stage) => publishByPython(stage, 'json', jsonBody),
  },
  {
    name: 'registry-protobuf',
    needs: ['registry'],
    form: /a schema registry's prefix, schema \d+; .* no JSON, so probably Avro or Protobuf/,
    publish: (stage) => publishByPython(stage, 'protobuf', protobufBody),
  },
];

const PROGRAMS = join(import.meta.dirname, 'programs');

async function publishByPython(
  stage: Stage,
  form: 'json' | 'protobuf',
  bodyOf: (fact: Fact) => string,
): Promise<Published> {
  const { check, events, brokers, registry } = stage;
  const topics = await stage.makeTopics(`registry-${form}`);
  const python = await findPython((line) => check.progress(line));
  const folder = check.temporaryFolder();
  await python.compileProto(join(PROGRAMS, 'shop.proto'), folder);
  const facts = events.map(factOf);
  await python.run(
    join(PROGRAMS, 'producer.py'),
    [form, brokers.join(','), registry.confluentUrl, topics.order, topics.payment],
    facts.map((fact) => `${JSON.stringify(fact)}\n`).join(''),
    folder,
  );
  return {
    topics,
    partitions: PARTITIONS,
    settings: { SCHEMA_REGISTRY_URL: registry.confluentUrl },
    events: facts.map(
      (fact): ExpectedEvent => ({
        topic: fact.type === 'ORDER' ? 'order' : 'payment',
        orderId: fact.orderId,
        id: null,
        body: bodyOf(fact),
      }),
    ),
  };
}

function jsonBody(fact: Fact): string {
  return objectOf({
    eventType: JSON.stringify(fact.type),
    orderId: JSON.stringify(fact.orderId),
    [statusField(fact)]: JSON.stringify(fact.status),
    timestamp: JSON.stringify(fact.at),
    revision: String(fact.revision),
    note: JSON.stringify('caf\u00e9 \u{1f6d2}'),
    eventId: fact.eventId === null ? undefined : JSON.stringify(fact.eventId),
  });
}

/** What Protobuf's own JSON form has, with the domain's values: fields that are not set are not there. */
function protobufBody(fact: Fact): string {
  const status = fact.status.replace('AUHTORIZED', 'AUTHORIZED');
  return objectOf({
    orderId: JSON.stringify(fact.orderId),
    [statusField(fact)]: JSON.stringify(status),
    timestamp: JSON.stringify(protobufTime(fact.at)),
    revision: fact.revision === null ? undefined : String(fact.revision),
    eventId: fact.eventId === null ? undefined : JSON.stringify(fact.eventId),
    total: fact.type === 'ORDER' ? '{"currency":"CHF","cents":"1050"}' : undefined,
    eventType: JSON.stringify(fact.type),
  });
}

/** Protobuf's JSON form has 0, 3, 6 or 9 digits behind the second, in UTC. */
function protobufTime(at: string): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
