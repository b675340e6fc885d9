import { describe, expect, it } from 'vitest';
import { murmur2 } from '../../../../src/adapters/embedded-log/producing/partitioner.ts';
import { text } from '../../../contract/event-log-harness.ts';

describe('murmur2', () => {
  it("murmur2 gives the hashes of Kafka's own test", () => {
    const expected: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ];
    expect(expected.map(([key]) => [key, murmur2(text(key))])).toEqual(expected);
  });
});
