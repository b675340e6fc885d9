import { describe, expect, it } from 'vitest';
import { Newcomers } from '../../../src/pipeline/ingest/newcomers.ts';

describe('entities that are not in the cache', () => {
  it('unknown entities are looked up until ten thousand in a row were new', () => {
    const newcomers = new Newcomers();
    newcomers.looked(9_999, 0);
    expect(newcomers.areAssumed).toBe(false);
    newcomers.looked(1, 0);
    expect(newcomers.areAssumed).toBe(true);
  });

  it('unknown entities are looked up again after one that existed', () => {
    const newcomers = new Newcomers();
    newcomers.looked(9_999, 0);
    newcomers.looked(100, 1);
    newcomers.looked(9_999, 0);
    expect(newcomers.areAssumed).toBe(false);
  });

  it('unknown entities are looked up for twice as long after each wrong guess', () => {
    const newcomers = new Newcomers();
    newcomers.looked(10_000, 0);
    newcomers.refused();
    newcomers.looked(19_999, 0);
    expect(newcomers.areAssumed).toBe(false);
    newcomers.looked(1, 0);
    expect(newcomers.areAssumed).toBe(true);
    newcomers.refused();
    newcomers.looked(39_999, 0);
    expect(newcomers.areAssumed).toBe(false);
  });
});
