import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readinessOf } from '../../../src/apps/order-mgt/readiness.ts';

describe('the readiness of order-mgt', () => {
  it('answers within five seconds, also while the database does not', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const states = { health: () => new Promise<never>(() => {}) };
    let found: unknown = null;
    void readinessOf(states as never, { unansweredMs: 0 } as never).then((readiness) => {
      found = readiness;
    });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(found).toMatchObject({
      ok: false,
      code: 'store_unreachable',
      reason: 'The database has not answered for 5 s.',
    });
  });

  it('leaves no timer behind once the database has answered', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const states = { health: async () => ({ ok: true }) as const };
    expect(await readinessOf(states as never, { unansweredMs: 0 } as never)).toMatchObject({ ok: true });
    expect(vi.getTimerCount()).toBe(0);
  });
});
