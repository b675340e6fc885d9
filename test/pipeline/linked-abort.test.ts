import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LinkedAbort } from '../../src/pipeline/linked-abort.ts';

describe('a linked signal', () => {
  it('aborts with its parent, also with one that was aborted before', () => {
    const parent = new AbortController();
    const linked = new LinkedAbort(parent.signal);
    expect(linked.signal.aborted).toBe(false);
    parent.abort();
    expect(linked.signal.aborted).toBe(true);
    expect(new LinkedAbort(parent.signal).signal.aborted).toBe(true);
  });

  it('aborts by itself, and leaves its parent as it was', () => {
    const parent = new AbortController();
    const linked = new LinkedAbort(parent.signal);
    linked.abort();
    expect([linked.signal.aborted, parent.signal.aborted]).toEqual([true, false]);
    expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
  });

  it('leaves its parent alone once it is unlinked', () => {
    const parent = new AbortController();
    const linked = new LinkedAbort(parent.signal);
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(1);
    linked.unlink();
    expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
    parent.abort();
    expect(linked.signal.aborted).toBe(false);
  });
});
