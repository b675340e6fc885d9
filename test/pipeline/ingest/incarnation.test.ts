import { describe, expect, it } from 'vitest';
import { Incarnation } from '../../../src/pipeline/ingest/incarnation.ts';

describe('the incarnation of a store', () => {
  it('a failed action on replaced tables is asked for again', async () => {
    let tables = 'old';
    const incarnation = new Incarnation({ incarnation: async () => tables });
    const acts: string[] = [];
    const act = async () => void acts.push(tables);
    expect(await incarnation.actIfReplaced(act)).toBe(false);
    tables = 'new';
    const failed = incarnation.actIfReplaced(() => Promise.reject(new Error('the act failed')));
    await expect(failed).rejects.toThrow('the act failed');
    expect(await incarnation.actIfReplaced(act)).toBe(true);
    expect(await incarnation.actIfReplaced(act)).toBe(false);
    expect(acts).toEqual(['new']);
  });
});
