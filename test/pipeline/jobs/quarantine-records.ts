import { createHash } from 'node:crypto';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import type { StoredQuarantine } from '../../../src/ports/quarantine.ts';
import { COUNTS, MOVEMENTS, recordOf } from '../ingest/harness.ts';

/** The decoder of today, which takes records without a key. */
export const decoder = createDecoder(stockLedger, {
  topicNames: { [MOVEMENTS]: MOVEMENTS, [COUNTS]: COUNTS },
  acceptsMissingKeys: true,
});

/** A quarantined movement of one article, which the decoder of today takes. */
export function movement(offset: number, facts: Partial<StoredQuarantine> = {}): StoredQuarantine {
  const value =
    facts.value ??
    recordOf({ articleId: 'a', isCount: false, quantity: 1, minute: offset }).value ??
    Buffer.alloc(0);
  return {
    topic: MOVEMENTS,
    partition: 0,
    offset: BigInt(offset),
    reason: 'key_missing',
    detail: 'It has no key.',
    key: null,
    value,
    valueLength: value.length,
    valueHash: createHash('sha256').update(value).digest('hex'),
    headers: Buffer.from('[]'),
    observedAtMs: 1,
    settlement: null,
    ...facts,
  };
}

/** A quarantined record that the decoder of today refuses too. */
export const broken = (offset: number, facts: Partial<StoredQuarantine> = {}) =>
  movement(offset, { value: Buffer.from('{"half'), ...facts });
