import type { Written } from './outbox.ts';
import type { Stage } from './stage.ts';
import type { Published, Topics, Variant } from './variant.ts';

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const TOMBSTONES = 7;
/** Stands between messages whose keys may hold line ends. */
const RECORD_SEPARATOR = '\x1e';

/** Messages as kcat reads them: key and value with a tab between them, one in a line. */
export function lines(messages: readonly (readonly [key: string, value: string])[], end = '\n'): string {
  return messages.map(([key, value]) => `${key}\t${value}${end}`).join('');
}

/** Publishes messages whose keys may hold line ends. */
export async function publishByKcat(
  stage: Stage,
  topic: string,
  messages: readonly (readonly [key: string, value: string])[],
  more: readonly string[] = [],
): Promise<void> {
  const delimiters = ['-K', '\t', '-D', RECORD_SEPARATOR];
  await stage.kcat(['-t', topic, ...delimiters, ...more], lines(messages, RECORD_SEPARATOR));
}

/** The variants that kcat publishes: lines with keys, in every compression, and single messages with headers. */
export const KCAT: readonly Variant[] = [
  { name: 'kcat-lines', needs: ['kcat'], form: /plain events/, publish: publishLines },
  { name: 'kcat-headers', needs: ['kcat'], form: /CloudEvents in binary mode/, publish: publishWithHeaders },
];

async function publishLines(stage: Stage): Promise<Published> {
  const topics = await stage.makeTopics('kcat-lines');
  for (const [kind, topic] of Object.entries(topics)) {
    const ofTopic = stage.events.filter((event) => event.topic === kind);
    const isLine = ({ orderId }: Written) => !/[\r\n]/.test(orderId);
    const messages = ofTopic.filter(isLine).map(({ orderId, body }) => [orderId, body] as const);
    for (const [index, codec] of CODECS.entries()) {
      const share = messages.filter((_, number) => number % CODECS.length === index);
      await stage.kcat(['-t', topic, '-K', '\t', '-z', codec], lines(share));
    }
    const others = ofTopic.filter((event) => !isLine(event));
    await publishByKcat(
      stage,
      topic,
      others.map(({ orderId, body }) => [orderId, body]),
    );
  }
  // With -Z an empty value is a null, as somebody sends it who wants to delete an order.
  const empty = Array.from({ length: TOMBSTONES }, (_, number) => [`order-${number}`, ''] as const);
  await stage.kcat(['-t', topics.order, '-K', '\t', '-Z'], lines(empty));
  return publishedOf(topics, stage, { refused: { value_missing: TOMBSTONES } }, () => null);
}

/** Headers are those of a whole call, so each event has a call of its own. */
async function publishWithHeaders(stage: Stage): Promise<Published> {
  const topics = await stage.makeTopics('kcat-headers');
  for (const { id, orderId, topic, body } of stage.events) {
    const headers = [
      ...['ce_specversion=1.0', `ce_id=${id}`, 'ce_source=/shop'],
      ...['ce_type=shop.changed', 'content-type=application/json'],
    ];
    await publishByKcat(
      stage,
      topics[topic],
      [[orderId, body]],
      headers.flatMap((header) => ['-H', header]),
    );
  }
  return publishedOf(topics, stage, {}, ({ id }) => id);
}

function publishedOf(
  topics: Topics,
  { events }: Stage,
  more: Partial<Published>,
  idOf: (event: Written) => string | null,
): Published {
  return {
    topics,
    partitions: 3,
    events: events.map((event) => ({ ...event, id: idOf(event) })),
    ...more,
  };
}
