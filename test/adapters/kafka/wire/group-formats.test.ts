import { decodeConsumerProtocolAssignment, decodeConsumerProtocolSubscription } from '@platformatic/kafka';
import { describe, expect, it } from 'vitest';
import {
  decodeAssignment,
  decodeOwned,
  encodeAssignment,
  encodeSubscription,
} from '../../../../src/adapters/kafka/wire/group-formats.ts';

describe('the formats of a group', () => {
  it('a subscription lists what a member holds, and one of an older version counts as empty', () => {
    const owned = [0, 3].map((partition) => ({ topic: 'order_events', partition }));
    expect(decodeOwned(encodeSubscription(['order_events', 'payment_events'], owned))).toEqual(owned);
    expect(decodeOwned(Buffer.from([0, 0, 0, 0, 0, 0, 255, 255, 255, 255]))).toEqual([]);
    expect(decodeOwned(Buffer.alloc(0))).toEqual([]);
  });

  it('subscriptions and assignments are readable for Kafka’s own consumers', () => {
    const share = [0, 3].map((partition) => ({ topic: 'order_events', partition }));
    expect(decodeAssignment(encodeAssignment(share))).toEqual(share);
    expect(decodeConsumerProtocolAssignment(encodeAssignment(share))).toMatchObject({
      assignedPartitions: [{ topic: 'order_events', partitions: [0, 3] }],
    });
    expect(decodeConsumerProtocolSubscription(encodeSubscription(['a', 'b'], []))).toMatchObject({
      topics: ['a', 'b'],
    });
    expect(decodeAssignment(Buffer.alloc(0))).toEqual([]);
  });
});
