import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { orders } from '../../src/orders/index.ts';
import { createDecoder } from '../../src/pipeline/decode/decoder.ts';
import { CASE_TOPICS, casesOf } from './cases.ts';

const FILES = readdirSync(new URL('records/', import.meta.url)).map((file) => file.replace('.ndjson', ''));

describe.each(FILES)('the records of %s', (file) => {
  const decoder = createDecoder(orders, { topicNames: CASE_TOPICS });

  it.each(casesOf(file))('get their verdict with no settings: $note', ({ topic, record, refused }) => {
    const decoded = decoder.decode(record, { topic, partition: 0 }, 0);
    const verdict = decoded.kind === 'event' ? null : `${decoded.record.reason}: ${decoded.record.detail}`;
    expect(verdict).toBe(refused);
  });
});
