import { describe, expect, it } from 'vitest';
import { DELIVERED, DOWN, names, simulate } from './simulated.ts';

describe('a paused target', () => {
  it('a paused target gets no new call, its calls under way end, and its claims are given back without a counted attempt', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(1);
    target.latencyMs = () => 200;
    ledger.due(...names('order', 1_000));
    deliver.start();
    await clock.advance(50);
    const called = target.calls.length;
    expect(called).toBeGreaterThan(0);
    expect(deliver.status().waiting).toBeGreaterThan(0);
    deliver.pause();
    await clock.advance(60_000);
    expect(target.calls).toHaveLength(called);
    expect(deliver.status()).toMatchObject({ isPaused: true, waiting: 0, inFlight: 0, delivered: called });
    const sent = new Set(target.calls.flatMap(({ ids }) => ids));
    const rest = ledger.undelivered;
    expect(rest).toHaveLength(1_000 - called);
    expect(rest.filter(({ entityId }) => sent.has(entityId))).toEqual([]);
    expect(rest.filter(({ attempts, claimant }) => attempts > 0 || claimant !== null)).toEqual([]);

    ledger.due(...names('later', 100));
    deliver.wake();
    await clock.advance(5_000);
    expect(target.calls).toHaveLength(called);
    deliver.goOn();
    await clock.advance(10_000);
    expect(ledger.undelivered).toEqual([]);
    expect(target.calls.flatMap(({ ids }) => ids).sort()).toEqual(
      [...names('order', 1_000), ...names('later', 100)].sort(),
    );
    await stop();
  });

  it('a paused target has nothing claimed for it if it was paused before the start', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(2);
    ledger.due(...names('order', 10));
    deliver.pause();
    deliver.start();
    await clock.advance(10_000);
    expect(target.calls).toEqual([]);
    expect([...ledger.rows.values()].filter(({ attempts }) => attempts > 0)).toEqual([]);
    deliver.goOn();
    await clock.advance(1_000);
    expect(ledger.undelivered).toEqual([]);
    await stop();
  });

  it('deliveries are given back that were claimed while the pause began', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(3);
    ledger.due(...names('order', 10));
    deliver.start();
    // The claim is under way: the simulated store takes 3 ms for it.
    await clock.advance(1);
    deliver.pause();
    await clock.advance(1_000);
    expect(target.calls).toEqual([]);
    expect(deliver.status()).toMatchObject({ waiting: 0, inFlight: 0 });
    expect(
      [...ledger.rows.values()].filter(({ attempts, claimant }) => attempts > 0 || claimant !== null),
    ).toEqual([]);
    await stop();
  });

  it('a paused target makes the health red neither during the pause nor in the first seconds after it', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(4);
    target.answer = () => DOWN;
    ledger.due(...names('order', 50));
    deliver.start();
    await clock.advance(60_000);
    expect(deliver.health().ok).toBe(false);
    deliver.pause();
    expect(deliver.health()).toEqual({ ok: true });
    await clock.advance(60_000);
    expect(deliver.health()).toEqual({ ok: true });
    deliver.goOn();
    await clock.advance(10_000);
    expect(deliver.health()).toEqual({ ok: true });
    await clock.advance(30_000);
    expect(deliver.health().ok).toBe(false);

    // The breaker lets a trial through after a pause, however long that was.
    deliver.pause();
    await clock.advance(10 * 60_000);
    target.answer = () => DELIVERED;
    deliver.goOn();
    await clock.advance(60_000);
    expect(ledger.undelivered).toEqual([]);
    expect(deliver.health()).toEqual({ ok: true });
    await stop();
  });

  it('a paused delivery stops at once with the program', async () => {
    const { clock, ledger, target, deliver, stop } = simulate(5);
    ledger.due(...names('order', 10));
    deliver.start();
    await clock.advance(1);
    deliver.pause();
    await stop();
    await clock.advance(1_000);
    expect(target.calls).toEqual([]);
  });
});
