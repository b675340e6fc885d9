import { readFileSync } from 'node:fs';
import type { RawRecord, Topics } from '../oracle.ts';

/** One of the original's five JSON samples, as its description prints it. */
export interface Sample {
  readonly name: string;
  readonly topic: keyof Topics;
  /** The text of the description byte for byte, with its line breaks, misspelling and odd spaces. */
  readonly text: string;
}

/** The order id in the original's samples. */
export const SAMPLE_ORDER_ID = 'order123';

export const SAMPLES: readonly Sample[] = (
  [
    ['order-created', 'order'],
    ['payment-authorized', 'payment'],
    ['payment-pending-review', 'payment'],
    ['review-accepted', 'payment'],
    ['review-declined', 'payment'],
  ] as const
).map(([name, topic]) => ({ name, topic, text: readText(name) }));

function readText(name: string): string {
  return readFileSync(new URL(`../fixtures/${name}.json.txt`, import.meta.url), 'utf8');
}

/** Makes a record of the sample. Another order id replaces `order123`, and nothing else changes. */
export function sampleRecord(sample: Sample, topics: Topics, orderId = SAMPLE_ORDER_ID): RawRecord {
  return {
    topic: topics[sample.topic],
    key: Buffer.from(orderId),
    value: Buffer.from(sampleText(sample, orderId)),
    headers: [],
  };
}

export function sampleText(sample: Sample, orderId: string): string {
  const quoted = `"${SAMPLE_ORDER_ID}"`;
  if (sample.text.split(quoted).length !== 2)
    throw new Error(`${sample.name} must name the order exactly once`);
  return sample.text.replace(quoted, () => JSON.stringify(orderId));
}

/** Returns all sequences of different items with 1 or more items: 325 for five items. */
export function orderedSubsets<Item>(items: readonly Item[]): Item[][] {
  const longer = items.flatMap((item) => {
    const others = items.filter((other) => other !== item);
    return orderedSubsets(others).map((rest) => [item, ...rest]);
  });
  return [...items.map((item) => [item]), ...longer];
}
