import { join } from 'node:path';
import { AVRO_FORMS, apicurioConverters, type WhereIds } from './apicurio.ts';
import { isUniform, OUTBOX, UNIFORM_OUTBOX } from './outbox.ts';
import type { Stage } from './stage.ts';
import type { Published, Topics, Variant } from './variant.ts';

const JSON_CONVERTER = 'org.apache.kafka.connect.json.JsonConverter';
const STRING_CONVERTER = 'org.apache.kafka.connect.storage.StringConverter';
const EVENT_TYPE_HEADER = { 'transforms.outbox.table.fields.additional.placement': 'type:header:eventType' };
const EXPANDED = { 'transforms.outbox.table.expand.json.payload': 'true' };

/** A way in which people have their outbox published by Debezium. */
interface Way {
  readonly name: string;
  readonly form: RegExp;
  /** The settings of the connector besides those of the database. */
  readonly settings: Readonly<Record<string, string>>;
  /** Whether the table is the one whose payloads Kafka Connect has types for. */
  readonly isUniform?: boolean;
  /** Whether both kinds of events come on the topic of the table. */
  readonly isOneTopic?: boolean;
  /** Where Apicurio's converter writes the ids of schemas. Absent if the values are no Avro. */
  readonly ids?: WhereIds;
}

function routed(name: string, form: RegExp, settings: Way['settings']): Way {
  return {
    name,
    form,
    settings: {
      transforms: 'outbox',
      'transforms.outbox.type': 'io.debezium.transforms.outbox.EventRouter',
      'transforms.outbox.route.by.field': 'aggregatetype',
      'transforms.outbox.route.topic.replacement': `${name}.\${routedByValue}`,
      ...settings,
    },
  };
}

function jsonConverters(hasSchemas: boolean): Record<string, string> {
  return {
    'key.converter': JSON_CONVERTER,
    'key.converter.schemas.enable': String(hasSchemas),
    'value.converter': JSON_CONVERTER,
    'value.converter.schemas.enable': String(hasSchemas),
  };
}

function avro(way: Way, ids: WhereIds): Way {
  return { ...way, form: AVRO_FORMS[ids], ids };
}

const ANY = /./;
const CHANGES = { 'skipped.operations': 'u,d,t', 'tombstones.on.delete': 'false' };

/** What converters make of the same outbox table. */
const WAYS: readonly Way[] = [
  routed('defaults', /Kafka Connect's envelope.*a text that holds JSON: an event/, {}),
  routed('schemas', /Kafka Connect's envelope.*its payload is an event/, {
    ...jsonConverters(true),
    ...EXPANDED,
  }),
  routed('strings', /plain events/, {
    'key.converter': STRING_CONVERTER,
    'value.converter': STRING_CONVERTER,
    ...EVENT_TYPE_HEADER,
  }),
  routed('expanded', /the id as a JSON text, in quotes/, { ...jsonConverters(false), ...EXPANDED }),
  routed('enveloped', /the event stands in the member payload/, {
    'key.converter': STRING_CONVERTER,
    'value.converter': JSON_CONVERTER,
    'value.converter.schemas.enable': 'false',
    'transforms.outbox.table.fields.additional.placement': 'type:envelope:eventType',
  }),
  {
    // This converter takes no payload that the router could not expand: its connector ends.
    isUniform: true,
    ...routed('cloudevents', /CloudEvents in structured mode/, {
      'key.converter': STRING_CONVERTER,
      'value.converter': 'io.debezium.converters.CloudEventsConverter',
      'value.converter.serializer.type': 'json',
      'value.converter.data.serializer.type': 'json',
      'value.converter.metadata.source': 'header,dataSchemaName:generate',
      'value.converter.json.schemas.enable': 'false',
      'header.converter': JSON_CONVERTER,
      'header.converter.schemas.enable': 'true',
      transforms: 'metadata,outbox',
      'transforms.metadata.type': 'org.apache.kafka.connect.transforms.HeaderFrom$Value',
      'transforms.metadata.fields': 'source,op',
      'transforms.metadata.headers': 'source,op',
      'transforms.metadata.operation': 'copy',
      'transforms.outbox.table.fields.additional.placement': 'type:header',
      ...EXPANDED,
    }),
  },
  {
    name: 'changes',
    form: /Debezium's change event/,
    isOneTopic: true,
    settings: {
      'value.converter': JSON_CONVERTER,
      'value.converter.schemas.enable': 'false',
      ...CHANGES,
    },
  },
  avro(routed('avro-text', ANY, {}), 'content id in header'),
  avro(routed('avro-expanded', ANY, EXPANDED), 'confluent'),
  avro(routed('avro-global', ANY, {}), '8 bytes'),
  avro({ name: 'avro-changes', form: ANY, isOneTopic: true, settings: CHANGES }, 'global id in header'),
];

/** The variants that Debezium's MySQL connector publishes. */
export const DEBEZIUM: readonly Variant[] = WAYS.map((way, index) => ({
  name: way.name,
  needs: way.ids === undefined ? ['connect'] : ['connect', 'registry'],
  form: way.form,
  prepare: (stage) => {
    const { application } = stage;
    return application.connect.create(way.name, configurationOf(way, stage, 100 + index));
  },
  publish: (stage) => published(way, stage),
}));

async function published(way: Way, stage: Stage): Promise<Published> {
  const { application, events } = stage;
  await application.writeRest();
  const database = new URL(application.url).pathname.slice(1);
  return {
    topics: topicsOf(way, database),
    events: way.isUniform === true ? events.filter(isUniform) : events,
    ...(way.ids === undefined ? {} : { settings: { SCHEMA_REGISTRY_URL: stage.registry.confluentUrl } }),
  };
}

function topicsOf({ name, isOneTopic }: Way, database: string): Topics {
  if (isOneTopic === true)
    return { order: `${name}.${database}.${OUTBOX}`, payment: `${name}.${database}.${OUTBOX}` };
  return { order: `${name}.order_events`, payment: `${name}.payment_events` };
}

/** The whole configuration of the connector of a way. */
function configurationOf(
  { name, settings, ids, isUniform: hasUniform = false }: Way,
  stage: Stage,
  serverId: number,
): Record<string, string> {
  const { url, connect } = stage.application;
  const { hostname, port, username, password, pathname } = new URL(url);
  const database = pathname.slice(1);
  return {
    'connector.class': 'io.debezium.connector.mysql.MySqlConnector',
    'tasks.max': '1',
    'topic.prefix': name,
    'database.hostname': hostname,
    'database.port': port,
    'database.user': decodeURIComponent(username),
    'database.password': decodeURIComponent(password),
    'database.ssl.mode': 'disabled',
    'database.server.id': String(serverId),
    'database.include.list': database,
    'table.include.list': `${database}.${hasUniform ? UNIFORM_OUTBOX : OUTBOX}`,
    'include.schema.changes': 'false',
    'poll.interval.ms': '50',
    'topic.creation.default.partitions': '1',
    'topic.creation.default.replication.factor': '1',
    'schema.history.internal': 'io.debezium.storage.file.history.FileSchemaHistory',
    'schema.history.internal.file.filename': join(connect.folder, `${name}.history`),
    ...(ids === undefined ? {} : apicurioConverters(ids, stage.registry)),
    ...settings,
  };
}
