import { describe, expect, it } from 'vitest';
import { Gate } from '../../src/pipeline/gate.ts';

describe('a gate', () => {
  it('wakes a wait that has no signal, and no wait that begins later', async () => {
    const gate = new Gate();
    let woken = 0;
    const wait = async () => {
      await gate.wait();
      woken++;
    };
    gate.open();
    const first = wait();
    gate.open();
    await first;
    const second = wait();
    await Promise.resolve();
    expect(woken).toBe(1);
    gate.open();
    await second;
    expect(woken).toBe(2);
  });

  it('forgets a wait that it has woken', async () => {
    const gate = new Gate();
    const { signal } = new AbortController();
    let removed = 0;
    Object.defineProperty(signal, 'removeEventListener', { value: () => removed++ });
    const waited = gate.wait(signal);
    gate.open();
    await waited;
    gate.open();
    expect(removed).toBe(1);
  });
});
