import {
  ID_FORMS,
  KEY_FORM_OF,
  KEY_FORMS,
  SOURCE_KINDS,
  type SourceOptions,
  TIME_FORMS,
} from '../../../../pipeline/decode/source/options.ts';
import {
  boolean,
  choice,
  list,
  optionalUrl,
  SettingFault,
  type SettingTable,
  secret,
  text,
  type ValuesOf,
} from '../kinds.ts';
import { SYNCED_ORDERS, type TopicSettings, topicNamesOf } from '../synced.ts';
import type { CommonSettings } from './common.ts';
import { ownSources } from './own-topics.ts';

/* What the records of each topic are, for the programs that read them. docs/sources.md describes it. */

const ORDER = {
  orderSource: choice({
    env: 'ORDER_SOURCE',
    flag: 'order-source',
    choices: SOURCE_KINDS,
    help: `What the records of ORDER_TOPIC are: ${SOURCE_KINDS.join(', ')}. Default: json, plain events and CloudEvents.`,
  }),
  orderSourceKey: choice({
    env: 'ORDER_SOURCE_KEY',
    flag: 'order-source-key',
    choices: KEY_FORMS,
    help: `How the keys of ORDER_TOPIC hold the order id: ${KEY_FORMS.join(', ')}. Default: as the source writes them.`,
  }),
  orderSourceTime: choice({
    env: 'ORDER_SOURCE_TIME',
    flag: 'order-source-time',
    choices: TIME_FORMS,
    help: `How the events of ORDER_TOPIC write their time: ${TIME_FORMS.join(', ')}. Default: rfc3339.`,
  }),
  orderSourceBody: text({
    env: 'ORDER_SOURCE_BODY',
    flag: 'order-source-body',
    help: 'The member of the values of ORDER_TOPIC that holds the event; dots lead further in. By default the value is the event.',
  }),
  orderSourceFields: list({
    env: 'ORDER_SOURCE_FIELDS',
    flag: 'order-source-fields',
    default: [],
    defaultText: 'not set',
    help: 'Names of fields on ORDER_TOPIC that differ: theirs=ours, as in event_type=eventType, data.id=orderId or header:id=eventId, with commas between them.',
    check: checkFieldName,
  }),
  orderSourceType: text({
    env: 'ORDER_SOURCE_TYPE',
    flag: 'order-source-type',
    help: 'The type of events on ORDER_TOPIC that name none, such as ORDER. By default they are refused.',
  }),
  orderSourceId: choice({
    env: 'ORDER_SOURCE_ID',
    flag: 'order-source-id',
    choices: ID_FORMS,
    help: 'How the events of ORDER_TOPIC hold the order id: text, or number for the digits of a whole number.',
  }),
  orderSourceValues: list({
    env: 'ORDER_SOURCE_VALUES',
    flag: 'order-source-values',
    default: [],
    defaultText: 'not set',
    help: 'Values on ORDER_TOPIC that differ, of eventType and of statuses: theirs=ours, as in created=CREATED, with commas between them.',
    check: checkFieldName,
  }),
};

const PAYMENT = {
  paymentSource: choice({
    env: 'PAYMENT_SOURCE',
    flag: 'payment-source',
    choices: SOURCE_KINDS,
    help: 'The same as ORDER_SOURCE, for PAYMENT_TOPIC.',
  }),
  paymentSourceKey: choice({
    env: 'PAYMENT_SOURCE_KEY',
    flag: 'payment-source-key',
    choices: KEY_FORMS,
    help: 'The same as ORDER_SOURCE_KEY, for PAYMENT_TOPIC.',
  }),
  paymentSourceTime: choice({
    env: 'PAYMENT_SOURCE_TIME',
    flag: 'payment-source-time',
    choices: TIME_FORMS,
    help: 'The same as ORDER_SOURCE_TIME, for PAYMENT_TOPIC.',
  }),
  paymentSourceBody: text({
    env: 'PAYMENT_SOURCE_BODY',
    flag: 'payment-source-body',
    help: 'The same as ORDER_SOURCE_BODY, for PAYMENT_TOPIC.',
  }),
  paymentSourceFields: list({
    env: 'PAYMENT_SOURCE_FIELDS',
    flag: 'payment-source-fields',
    default: [],
    defaultText: 'not set',
    help: 'The same as ORDER_SOURCE_FIELDS, for PAYMENT_TOPIC.',
    check: checkFieldName,
  }),
  paymentSourceType: text({
    env: 'PAYMENT_SOURCE_TYPE',
    flag: 'payment-source-type',
    help: 'The same as ORDER_SOURCE_TYPE, for PAYMENT_TOPIC.',
  }),
  paymentSourceId: choice({
    env: 'PAYMENT_SOURCE_ID',
    flag: 'payment-source-id',
    choices: ID_FORMS,
    help: 'The same as ORDER_SOURCE_ID, for PAYMENT_TOPIC.',
  }),
  paymentSourceValues: list({
    env: 'PAYMENT_SOURCE_VALUES',
    flag: 'payment-source-values',
    default: [],
    defaultText: 'not set',
    help: 'The same as ORDER_SOURCE_VALUES, for PAYMENT_TOPIC.',
    check: checkFieldName,
  }),
};

/** What only the orders have: their topics, and the sources of those. By key. */
export const ORDER_ONLY: object = { orderTopic: null, paymentTopic: null, ...ORDER, ...PAYMENT };

/** The settings of the sources of both topics. */
export const SOURCE_SETTINGS = {
  ...ORDER,
  ...PAYMENT,
  acceptsMissingKeys: boolean({
    env: 'ORDER_SYNC_ACCEPT_MISSING_KEYS',
    flag: 'accept-missing-keys',
    default: false,
    help: 'Whether records without a key, or with an empty one, are taken as events. Else they are quarantined.',
  }),
  schemaRegistryUrl: optionalUrl({
    env: 'SCHEMA_REGISTRY_URL',
    protocols: ['http:', 'https:'],
    example: 'https://registry.example:8081',
    help: "The schema registry's HTTP API, with user and password for HTTP Basic. Avro and Protobuf need it, or SCHEMA_FOLDER.",
  }),
  schemaRegistryToken: secret({
    env: 'SCHEMA_REGISTRY_TOKEN',
    help: 'A token that the schema registry wants as Authorization: Bearer.',
  }),
  schemaRegistryCaFile: text({
    env: 'SCHEMA_REGISTRY_CA_FILE',
    flag: 'schema-registry-ca-file',
    help: "PEM file of the authorities that sign the schema registry's certificate, if not the system's.",
  }),
  schemaFolder: text({
    env: 'SCHEMA_FOLDER',
    flag: 'schema-folder',
    help: 'A folder of schemas named by their ids, such as 7.avsc and 8.proto. It counts before the schema registry.',
  }),
} as const satisfies SettingTable;

export type SourceSettings = Omit<ValuesOf<typeof SOURCE_SETTINGS>, 'acceptsMissingKeys'>;

/** What says which sources the topics have. */
type AllSourceSettings = SourceSettings & TopicSettings & { readonly topicSources: string | undefined };

function checkFieldName(item: string): void {
  if (!/^[^=\s](?:[^=]*[^=\s])?=[^=\s](?:[^=]*[^=\s])?$/.test(item)) {
    throw new SettingFault(
      'give theirs=ours, several between commas, as in event_type=eventType,order_id=orderId',
    );
  }
}

type OrderTopics = Pick<CommonSettings, 'orderTopic' | 'paymentTopic'>;

/** What the records of each topic of the domain are, by its actual name. */
export function sourcesOf(settings: AllSourceSettings): Record<string, SourceOptions> {
  const { synced, topicSources = '{}' } = settings;
  if (synced === SYNCED_ORDERS) return orderSourcesOf(settings);
  const names = topicNamesOf(settings);
  return Object.fromEntries(
    Object.entries(ownSources(topicSources)).map(([topic, options]) => [names[topic] ?? topic, options]),
  );
}

/**
 * What the records of each topic of the orders are, by its name. If both kinds of events come on one topic, the settings of either topic
 * count for it; `sourceFaults` refuses those that differ.
 */
export function orderSourcesOf(settings: SourceSettings & OrderTopics): Record<string, SourceOptions> {
  const { orderTopic, paymentTopic } = settings;
  const order = optionsOf(settings, 'order');
  const payment = optionsOf(settings, 'payment');
  if (orderTopic === paymentTopic) return { [orderTopic]: { ...payment, ...order } };
  return { [orderTopic]: order, [paymentTopic]: payment };
}

function optionsOf(settings: SourceSettings, topic: 'order' | 'payment'): SourceOptions {
  const kind = settings[`${topic}Source`];
  const key = settings[`${topic}SourceKey`];
  const time = settings[`${topic}SourceTime`];
  const body = settings[`${topic}SourceBody`];
  const fields = fieldsOf(settings[`${topic}SourceFields`]);
  const type = settings[`${topic}SourceType`];
  const id = settings[`${topic}SourceId`];
  const values = fieldsOf(settings[`${topic}SourceValues`]);
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(key === undefined ? {} : { key }),
    ...(time === undefined ? {} : { time }),
    ...(body === undefined ? {} : { body }),
    ...(fields.size === 0 ? {} : { fields }),
    ...(type === undefined ? {} : { type }),
    ...(id === undefined ? {} : { id }),
    ...(values.size === 0 ? {} : { values }),
  };
}

function fieldsOf(items: readonly string[]): Map<string, string> {
  return new Map(items.map((item) => item.split('=') as [string, string]));
}

/** Says what is wrong with the sources together. */
export function sourceFaults(settings: SourceSettings & OrderTopics): string[] {
  const faults = [
    ...repeatedNames('ORDER_SOURCE_FIELDS', settings.orderSourceFields),
    ...repeatedNames('PAYMENT_SOURCE_FIELDS', settings.paymentSourceFields),
    ...repeatedValues('ORDER_SOURCE_VALUES', settings.orderSourceValues),
    ...repeatedValues('PAYMENT_SOURCE_VALUES', settings.paymentSourceValues),
  ];
  if (settings.orderTopic !== settings.paymentTopic) return faults;
  for (const part of ['', 'Key', 'Time', 'Body', 'Fields', 'Type', 'Id', 'Values'] as const) {
    const [order, payment] = [settings[`orderSource${part}`], settings[`paymentSource${part}`]].map(String);
    const isGiven = (value: string | undefined) => value !== 'undefined' && value !== '';
    if (!isGiven(order) || !isGiven(payment) || order === payment) continue;
    const name = `SOURCE${part === '' ? '' : `_${part.toUpperCase()}`}`;
    faults.push(
      `ORDER_TOPIC and PAYMENT_TOPIC are both "${settings.orderTopic}", but ORDER_${name} is "${order}" and PAYMENT_${name} is ` +
        `"${payment}": keep one of them, or give both the same value.`,
    );
  }
  return faults;
}

function repeatedNames(name: string, items: readonly string[]): string[] {
  const isRepeated = repeats(items, 0) || repeats(items, 1);
  return isRepeated ? [`${name} is "${items.join(',')}": name each field once on either side.`] : [];
}

/** Several values of a producer may mean the same, but each of them means one. */
function repeatedValues(name: string, items: readonly string[]): string[] {
  if (!repeats(items, 0)) return [];
  return [`${name} is "${items.join(',')}": name each value of the records once.`];
}

function repeats(items: readonly string[], side: 0 | 1): boolean {
  return new Set(items.map((item) => item.split('=')[side])).size < items.length;
}

/** The variables by which these options are chosen, for the topic of orders or of payments. */
export function sourceVariables(topic: 'ORDER' | 'PAYMENT', options: SourceOptions): Record<string, string> {
  const { kind = 'json', key = KEY_FORM_OF[kind], time = 'rfc3339', body, type, id = 'text' } = options;
  const pairs = (name: string, map: ReadonlyMap<string, string> = new Map()) =>
    map.size === 0 ? {} : { [`${topic}_SOURCE_${name}`]: [...map].map((pair) => pair.join('=')).join(',') };
  return {
    ...(kind === 'json' ? {} : { [`${topic}_SOURCE`]: kind }),
    ...(key === KEY_FORM_OF[kind] ? {} : { [`${topic}_SOURCE_KEY`]: key }),
    ...(time === 'rfc3339' ? {} : { [`${topic}_SOURCE_TIME`]: time }),
    ...(body === undefined ? {} : { [`${topic}_SOURCE_BODY`]: body }),
    ...pairs('FIELDS', options.fields),
    ...(type === undefined ? {} : { [`${topic}_SOURCE_TYPE`]: type }),
    ...(id === 'text' ? {} : { [`${topic}_SOURCE_ID`]: id }),
    ...pairs('VALUES', options.values),
  };
}
