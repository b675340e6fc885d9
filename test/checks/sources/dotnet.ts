import { join } from 'node:path';
import { runCSharp } from '../../services/mono.ts';
import { type Fact, factOf, objectOf, statusField, timeWith, withoutTrailingZeros } from './facts.ts';
import { publishByKcat } from './kcat.ts';
import { PARTITIONS, type Stage } from './stage.ts';
import { systemTextJson } from './system-text-json.ts';
import type { ExpectedEvent, Published, Topics, Variant } from './variant.ts';

/**
 * Programs of .NET: a real one that writes by Newtonsoft.Json, and bytes as System.Text.Json writes them. Confluent's client
 * for .NET is librdkafka, so kcat publishes, and partitions are chosen as there.
 */
export const DOTNET: readonly Variant[] = [
  {
    name: 'newtonsoft',
    needs: ['kcat'],
    form: /no field eventType \(there is EventType\)/,
    publish: (stage) => publishNewtonsoft(stage, 'newtonsoft', 'names'),
  },
  {
    // Types in `$type`, and times as `/Date(1735689600000)/`.
    name: 'newtonsoft-types',
    needs: ['kcat'],
    form: /no field eventType \(there is EventType\)/,
    publish: (stage) => publishNewtonsoft(stage, 'newtonsoft-types', 'types'),
  },
  {
    // Enumerations as numbers, which only a person can tell the meaning of.
    name: 'newtonsoft-numbers',
    needs: ['kcat'],
    form: /no field eventType \(there is EventType\)/,
    publish: async (stage) => {
      const published = await publishNewtonsoft(stage, 'newtonsoft-numbers', 'numbers');
      return { ...published, settings: meaningOfNumbers(published.topics) };
    },
  },
  { name: 'system-text-json', needs: ['kcat'], form: /plain events/, publish: publishSystemTextJson },
];

/** The lines of the program, by the form that it wrote. */
const WRITTEN = new WeakMap<Stage, Promise<ReadonlyMap<string, readonly string[]>>>();

function newtonsoft(stage: Stage): Promise<ReadonlyMap<string, readonly string[]>> {
  const known = WRITTEN.get(stage);
  if (known !== undefined) return known;
  const { check, events } = stage;
  const source = join(import.meta.dirname, 'programs', 'Producer.cs');
  const input = events.map((event) => `${JSON.stringify(factOf(event))}\n`).join('');
  const writing = runCSharp(source, check.temporaryFolder(), input, (line) => check.progress(line)).then(
    (output) => {
      const forms = new Map<string, string[]>();
      for (const line of output.trimEnd().split('\n')) {
        const [form = '', json = ''] = line.split('\t');
        forms.set(form, [...(forms.get(form) ?? []), json]);
      }
      return forms;
    },
  );
  WRITTEN.set(stage, writing);
  return writing;
}

async function publishNewtonsoft(stage: Stage, name: string, form: Form): Promise<Published> {
  const values = (await newtonsoft(stage)).get(form) ?? [];
  return publishValues(stage, name, values, (fact) => newtonsoftBody(fact, form));
}

function publishSystemTextJson(stage: Stage): Promise<Published> {
  const values = stage.events.map((event) => systemTextJson(factOf(event)));
  // The values mean what they say, escapes apart.
  return publishValues(stage, 'system-text-json', values, (_, number) => values[number] as string);
}

async function publishValues(
  stage: Stage,
  name: string,
  values: readonly string[],
  bodyOf: (fact: Fact, number: number) => string,
): Promise<Published> {
  const topics = await stage.makeTopics(name);
  const facts = stage.events.map(factOf);
  const kindOf = ({ type }: Fact) => (type === 'ORDER' ? 'order' : 'payment');
  for (const kind of ['order', 'payment'] as const) {
    const messages = facts.flatMap((fact, number) =>
      kindOf(fact) === kind ? [[fact.orderId, values[number] as string] as const] : [],
    );
    await publishByKcat(stage, topics[kind], messages);
  }
  const events = facts.map(
    (fact, number): ExpectedEvent => ({
      topic: kindOf(fact),
      orderId: fact.orderId,
      id: null,
      body: bodyOf(fact, number),
    }),
  );
  return { topics, partitions: PARTITIONS, events };
}

/** The settings by which a person says what the numbers of the statuses mean. */
function meaningOfNumbers({ order, payment }: Topics): Record<string, string> {
  const statuses = [
    ...['PAYMENT_AUTHORIZED', 'PAYMENT_AUHTORIZED', 'PAYMENT_AUTH_WITHPENDING_REVIEW'],
    ...['AUTHORIZATION_REVIEW_ACCEPTED', 'AUTHORIZATION_REVIEW_DECLINED'],
  ];
  return {
    ORDER_TOPIC: order,
    PAYMENT_TOPIC: payment,
    ORDER_SOURCE_VALUES: '0=CREATED',
    PAYMENT_SOURCE_VALUES: statuses.map((status, number) => `${number}=${status}`).join(','),
  };
}

type Form = 'names' | 'types' | 'numbers';

/** The body that order-sync makes of the program's, with the names, the statuses and the time of the domain. */
function newtonsoftBody(fact: Fact, form: Form): string {
  const other = statusField(fact) === 'orderStatus' ? 'paymentStatus' : 'orderStatus';
  const utc = new Date(fact.at).toISOString();
  const hasTypes = form === 'types';
  const list = '"System.Collections.Generic.List`1[[System.String, mscorlib]], mscorlib"';
  return objectOf({
    $type: hasTypes ? '"Shop.Event, producer"' : undefined,
    eventType: JSON.stringify(fact.type),
    orderId: JSON.stringify(fact.orderId),
    [statusField(fact)]: JSON.stringify(fact.status),
    [other]: 'null',
    // Microsoft's form of a time has milliseconds.
    timestamp: JSON.stringify(hasTypes ? utc : withoutTrailingZeros(timeWith(utc, '4567'))),
    revision: String(fact.revision),
    eventId: JSON.stringify(fact.eventId),
    Amount: '10.50',
    Rate: '1e21',
    Note: JSON.stringify("<caf\u00e9 & 'bar'>"),
    Labels: hasTypes ? `{"$type":${list},"$values":["a"]}` : '["a"]',
  });
}
