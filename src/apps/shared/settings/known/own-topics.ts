import {
  ID_FORMS,
  KEY_FORMS,
  SOURCE_KINDS,
  type SourceOptions,
  TIME_FORMS,
} from '../../../../pipeline/decode/source/options.ts';
import { list, SettingFault, type SettingTable, text } from '../kinds.ts';

/* The topics of a domain that is not the orders, which have ORDER_TOPIC, PAYMENT_TOPIC and their own sources. */

export const OWN_TOPIC_SETTINGS = {
  topicNames: list({
    env: 'TRIBUTARY_TOPICS',
    flag: 'topics',
    default: [],
    defaultText: 'as the domain names them',
    help: 'For a domain of your own: the actual names of its topics, name=actual, with commas between them.',
    check(item) {
      if (!/^[^=\s]+=[A-Za-z0-9._-]{1,249}$/.test(item))
        throw new SettingFault('give name=actual, several between commas, as in stock_counts=shop.counts');
    },
  }),
  topicSources: text({
    env: 'TRIBUTARY_SOURCES',
    defaultText: 'plain events and CloudEvents',
    help: 'For a domain of your own: what the records of its topics are, as a JSON object by topic. docs/sources.md describes it.',
    check: (given) => void ownSources(given),
  }),
} as const satisfies SettingTable;

const CHOICES: Readonly<Record<string, readonly string[] | null>> = {
  kind: SOURCE_KINDS,
  key: KEY_FORMS,
  time: TIME_FORMS,
  body: null,
  type: null,
  id: ID_FORMS,
};

/** Reads TRIBUTARY_SOURCES: the options of each source, by the name that the domain gives its topic. Throws a `SettingFault`. */
export function ownSources(given: string): Record<string, SourceOptions> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(given);
  } catch {
    throw new SettingFault('give a JSON object, as in {"stock_counts": {"kind": "debezium-table"}}');
  }
  if (!isRecord(parsed))
    throw new SettingFault('give a JSON object, as in {"stock_counts": {"kind": "debezium-table"}}');
  return Object.fromEntries(
    Object.entries(parsed).map(([topic, options]) => [topic, sourceOf(topic, options)]),
  );
}

function sourceOf(topic: string, options: unknown): SourceOptions {
  if (!isRecord(options))
    throw new SettingFault(`give "${topic}" an object, as in {"kind": "debezium-table"}`);
  const { fields, values, ...words } = options;
  for (const [name, value] of Object.entries(words)) {
    const choices = CHOICES[name];
    if (choices === undefined)
      throw new SettingFault(
        `"${topic}" has "${name}"; known are kind, key, time, body, type, id, fields and values`,
      );
    if (typeof value !== 'string' || (choices !== null && !choices.includes(value)))
      throw new SettingFault(`give "${name}" of "${topic}" ${choices?.join(', ') ?? 'the name of a member'}`);
  }
  return { ...words, ...pairs({ fields, values }, topic) } as SourceOptions;
}

function pairs(given: Record<string, unknown>, topic: string): Record<string, ReadonlyMap<string, string>> {
  const found: Record<string, ReadonlyMap<string, string>> = {};
  for (const [name, object] of Object.entries(given)) {
    if (object === undefined) continue;
    if (!isRecord(object) || !Object.values(object).every((ours) => typeof ours === 'string'))
      throw new SettingFault(`give "${name}" of "${topic}" an object: theirs to ours`);
    found[name] = new Map(Object.entries(object as Record<string, string>));
  }
  return found;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
