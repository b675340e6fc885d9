import { describe, expect, it } from 'vitest';
import { goesOnAt, kindOfHalt, offsetNamedBy } from '../../src/core/halts.ts';

describe('the reason of a halt', () => {
  it('a reason names the offset behind the fault for people and for programs', () => {
    const reason = `corrupt_batch at offset 5: the record batch can't be decoded: bytes 17. ${goesOnAt(9_007_199_254_740_993n)}`;
    expect(reason).toContain('Reading can go on at offset 9007199254740993.');
    expect(offsetNamedBy(reason)).toBe(9_007_199_254_740_993n);
    expect(kindOfHalt(reason)).toBe('corrupt_batch');
  });

  it('a reason without such an offset names none', () => {
    expect(offsetNamedBy('offset_out_of_range at offset 5: the log starts at 9')).toBeNull();
    expect(kindOfHalt('Something else')).toBe('');
  });
});
