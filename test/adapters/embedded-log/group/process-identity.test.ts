import { describe, expect, it } from 'vitest';
import { isGone, ownIdentity } from '../../../../src/adapters/embedded-log/group/process-identity.ts';

describe('the identity of a process', () => {
  it('a process is gone if it is dead or another process has its id, which no observer on another host can tell', () => {
    const own = ownIdentity();
    const unusedPid = 2 ** 30;
    expect(isGone(own, own)).toBe(false);
    expect(isGone({ ...own, pid: unusedPid }, own)).toBe(true);
    expect(isGone({ ...own, pid: unusedPid, scope: 'another host' }, own)).toBe(false);
    // The start may be unknown to the process that wrote the identity down, and known to the observer.
    expect(isGone({ ...own, start: '' }, own)).toBe(false);
    if (own.start !== '') expect(isGone({ ...own, start: '1' }, own)).toBe(true);
  });
});
