import { join } from 'node:path';

/** A way in which people have their outbox published. */
export interface Variant {
  readonly name: string;
  /** Whether both kinds of events come on one topic. */
  readonly isOneTopic?: boolean;
  /** The settings of the connector besides those of the database. */
  readonly settings: Readonly<Record<string, string>>;
}

const JSON_CONVERTER = 'org.apache.kafka.connect.json.JsonConverter';
const STRING_CONVERTER = 'org.apache.kafka.connect.storage.StringConverter';

function routed(name: string, more: Readonly<Record<string, string>>): Variant {
  return {
    name,
    settings: {
      transforms: 'outbox',
      'transforms.outbox.type': 'io.debezium.transforms.outbox.EventRouter',
      'transforms.outbox.route.by.field': 'aggregatetype',
      'transforms.outbox.route.topic.replacement': `${name}.\${routedByValue}`,
      ...more,
    },
  };
}

/** What converters make of the same outbox table. */
export const VARIANTS: readonly Variant[] = [
  routed('defaults', {}),
  routed('strings', {
    'key.converter': STRING_CONVERTER,
    'value.converter': STRING_CONVERTER,
    'transforms.outbox.table.fields.additional.placement': 'type:header:eventType',
  }),
  routed('expanded', {
    'key.converter': JSON_CONVERTER,
    'key.converter.schemas.enable': 'false',
    'value.converter': JSON_CONVERTER,
    'value.converter.schemas.enable': 'false',
    'transforms.outbox.table.expand.json.payload': 'true',
  }),
  routed('enveloped', {
    'key.converter': STRING_CONVERTER,
    'value.converter': JSON_CONVERTER,
    'value.converter.schemas.enable': 'false',
    'transforms.outbox.table.fields.additional.placement': 'type:envelope:eventType',
  }),
  {
    name: 'changes',
    isOneTopic: true,
    settings: {
      'value.converter': JSON_CONVERTER,
      'value.converter.schemas.enable': 'false',
      'skipped.operations': 'u,d,t',
      'tombstones.on.delete': 'false',
    },
  },
];

/** The topics to which a variant publishes, by the kind of their events. */
export function topicsOf(
  { name, isOneTopic }: Variant,
  database: string,
): { order: string; payment: string } {
  if (isOneTopic === true)
    return { order: `${name}.${database}.outbox`, payment: `${name}.${database}.outbox` };
  return { order: `${name}.order_events`, payment: `${name}.payment_events` };
}

/** The whole configuration of the connector of a variant. */
export function configurationOf(
  { name, settings }: Variant,
  databaseUrl: string,
  folder: string,
  serverId: number,
): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
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
    'table.include.list': `${database}.outbox`,
    'include.schema.changes': 'false',
    'poll.interval.ms': '50',
    'topic.creation.default.partitions': '1',
    'topic.creation.default.replication.factor': '1',
    'schema.history.internal': 'io.debezium.storage.file.history.FileSchemaHistory',
    'schema.history.internal.file.filename': join(folder, `${name}.history`),
    ...settings,
  };
}
