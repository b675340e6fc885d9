import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../../src/adapters/kafka/options.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';

const GIVEN = { brokers: ['kafka1:9092'], clock: systemClock, logger: () => {} };

describe('the options of the Kafka log', () => {
  it('default to no TLS, no login, and the defaults of the broker', () => {
    expect(resolveOptions(GIVEN)).toMatchObject({
      tls: undefined,
      login: undefined,
      allowsOpenLogin: false,
      clientId: 'tributary',
      replicationFactor: -1,
    });
  });

  it('send five heartbeats in each session, unless another time is given', () => {
    expect(resolveOptions(GIVEN)).toMatchObject({ sessionTimeoutMs: 10_000, heartbeatIntervalMs: 2_000 });
    expect(resolveOptions({ ...GIVEN, sessionTimeoutMs: 6_001 }).heartbeatIntervalMs).toBe(1_201);
    expect(resolveOptions({ ...GIVEN, heartbeatIntervalMs: 7 }).heartbeatIntervalMs).toBe(7);
  });

  it('keep what is sent below the limit of the broker, and what is read within memory', () => {
    const { produceRecordBatchBytes, maxRecordBatchBytes, fetchMaxBytes } = resolveOptions(GIVEN);
    expect(produceRecordBatchBytes).toBeLessThan(1_048_576);
    expect([maxRecordBatchBytes, fetchMaxBytes]).toEqual([64 * 1_048_576, 4 * 1_048_576]);
  });

  it('wait longer for an answer than the broker waits for records', () => {
    const { requestTimeoutMs, fetchMaxWaitMs, deliveryTimeoutMs } = resolveOptions(GIVEN);
    expect(fetchMaxWaitMs).toBeLessThan(requestTimeoutMs);
    expect(requestTimeoutMs).toBeLessThan(deliveryTimeoutMs);
  });
});
