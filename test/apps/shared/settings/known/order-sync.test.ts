import { describe, expect, it } from 'vitest';
import { ORDER_SYNC_SETTINGS } from '../../../../../src/apps/shared/settings/known/order-sync.ts';

type Name =
  | 'maxRecordBytes'
  | 'lanes'
  | 'batchEvents'
  | 'deliveryMaxAttempts'
  | 'deliveryConcurrency'
  | 'port';

describe('the settings of order-sync', () => {
  it.each<[Name, number, number]>([
    // The journal's column holds 16 MiB, with room for what stands beside the body.
    ['maxRecordBytes', 1_024, 8_388_608],
    ['lanes', 1, 64],
    ['batchEvents', 1, 100_000],
    ['deliveryMaxAttempts', 1, 1_000],
    ['deliveryConcurrency', 1, 4_096],
    ['port', 0, 65_535],
  ])('take for %s the numbers from %i to %i', (name, least, most) => {
    const { parse } = ORDER_SYNC_SETTINGS[name];
    expect([parse(String(least)), parse(String(most))]).toEqual([least, most]);
    for (const beyond of [least - 1, most + 1]) expect(() => parse(String(beyond))).toThrow();
  });
});
