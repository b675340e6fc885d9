import { expect, it } from 'vitest';
import { MAX_RECORD_BYTES } from '../../checks/lib/malformed.ts';
import { workload } from '../../checks/lib/workload.ts';
import { Malformed, readFact } from '../../checks/oracle.ts';
import { ordersDecoder, TOPIC_NAMES } from './records.ts';

it('the decoder agrees with the oracle, which was written from the contract alone, on every record of a bad workload', () => {
  const topics = { order: TOPIC_NAMES.order_events, payment: TOPIC_NAMES.payment_events };
  const decoder = ordersDecoder({ maxRecordBytes: MAX_RECORD_BYTES });
  const options = {
    events: 10_000,
    seed: 20_250_405,
    topics,
    duplicateRate: 0.1,
    lateRate: 0.1,
    malformedRate: 0.5,
  };
  const seen = { events: 0, rejected: 0 };
  for (const { record, malformed } of workload(options)) {
    const decoded = decoder.decode(
      { offset: 0n, timestampMs: 0, ...record },
      { topic: record.topic, partition: 0 },
      0,
    );
    let fact: ReturnType<typeof readFact> | null = null;
    try {
      fact = readFact(record, { ...topics, maxRecordBytes: MAX_RECORD_BYTES });
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
    if (decoded.kind === 'rejected') {
      expect(fact, `${malformed}: ${decoded.record.reason}`).toBeNull();
      seen.rejected++;
      continue;
    }
    const { entityId, position, occurredAtMs, contentHash, eventId } = decoded.event;
    expect({ entityId, position, occurredAtMs, contentHash }, `${malformed}`).toEqual({
      entityId: fact?.orderId,
      position: fact?.position,
      occurredAtMs: fact?.occurredAtMs,
      contentHash: fact?.contentHash,
    });
    if (fact?.eventId !== null) expect(eventId).toBe(fact?.eventId);
    seen.events++;
  }
  expect(seen.events).toBeGreaterThan(1000);
  expect(seen.rejected).toBeGreaterThan(1000);
});
