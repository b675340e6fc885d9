import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { ClaimAhead } from '../../../src/pipeline/deliver/claim-ahead.ts';
import { type Attempts, ClaimLoops } from '../../../src/pipeline/deliver/claim-loops.ts';
import type { ClaimedDelivery, DeliveryClaimRequest } from '../../../src/ports/delivery-claims.ts';

const POLL_MS = 2_000;

/** A clock whose random waits are as long as they can be. */
class PatientClock extends SeededClock {
  override random(): number {
    return 0.999;
  }
}

/** One claim loop in a time that stands until it is moved, over a store that meets `trouble`. */
function setUp(attempts: Attempts, facts: { due?: number; allowance?: number; answerMs?: number } = {}) {
  const clock = new PatientClock({ seed: 1 });
  const ahead = new ClaimAhead(4, 4);
  const defects = new Defects(clock, () => {});
  const stopping = new AbortController();
  const world = {
    due: 0,
    allowance: Number.POSITIVE_INFINITY,
    trouble: null as Error | null,
    answerMs: 0,
    givenBack: 0,
    ...facts,
  };
  const claims: (DeliveryClaimRequest & { readonly atMs: number })[] = [];
  const claimDeliveries = async (request: DeliveryClaimRequest) => {
    claims.push({ ...request, atMs: clock.monotonicMs() });
    if (world.answerMs > 0) await clock.sleep(world.answerMs);
    if (world.trouble !== null) throw world.trouble;
    const taken = Math.min(world.due, request.limit);
    world.due -= taken;
    return Array.from({ length: taken }, (_, index) => ({ entityId: `${index}` }) as ClaimedDelivery);
  };
  const loops = new ClaimLoops(
    {
      clock,
      logger: () => {},
      pollMs: POLL_MS,
      leaseMs: 30_000,
      store: { claimDeliveries },
      target: { name: 'a target' },
    } as never,
    {
      breaker: { tick() {}, allowance: () => world.allowance } as never,
      ahead,
      defects,
      stopping: stopping.signal,
      inFlight: () => 0,
      allowedPerSecond: () => null,
      giveBack: (unused) => {
        world.givenBack += unused.length;
      },
      isPaused: () => false,
      pump() {},
      pumpLater() {},
    },
  );
  const running = loops.run(attempts);
  onTestFinished(async () => {
    stopping.abort();
    await Promise.all([running, clock.advance(60_000)]);
  });
  return { clock, ahead, defects, world, claims, loops };
}

describe('a claim loop', () => {
  it('a loop waits as after the first failure when claims have succeeded since the last one', async () => {
    const { clock, world, claims } = setUp('first');
    world.trouble = new TributaryError('store_unreachable', 'The store is down.');
    await clock.advance(20_000);
    expect(claims.length).toBeGreaterThan(4);
    world.trouble = null;
    await clock.advance(20_000);
    world.trouble = new TributaryError('store_unreachable', 'The store is down.');
    const before = claims.length;
    await clock.advance(POLL_MS + 700);
    expect(claims.length).toBeGreaterThanOrEqual(before + 2);
  });

  it('a loop that was woken during its claim claims again at once', async () => {
    const { clock, claims, loops } = setUp('first', { answerMs: 10 });
    await clock.advance(5);
    loops.wake();
    await clock.advance(10);
    expect(claims.map(({ atMs }) => atMs)).toEqual([0, 10]);
  });

  it('a loop claims no trial while a delivery waits that can be the trial', async () => {
    const { clock, claims, ahead, loops } = setUp('first', { allowance: 1, due: 5 });
    await clock.advance(1);
    expect(claims.map(({ limit }) => limit)).toEqual([1]);
    expect(ahead.first.length).toBe(1);
    loops.openRoom();
    await clock.advance(10 * POLL_MS);
    expect(claims).toHaveLength(1);
  });

  it('a loop looks for retries for at most a tenth of its time', async () => {
    const { clock, claims } = setUp('later', { answerMs: 1_000 });
    await clock.advance(50_000);
    for (const [index, { atMs }] of claims.entries())
      expect(atMs - (claims[index - 1]?.atMs ?? -20_000)).toBeGreaterThanOrEqual(10_000);
    expect(claims.length).toBeGreaterThan(2);
  });

  it('a loop gives back a claim that was under way when its claims were taken over', async () => {
    const { clock, world, ahead } = setUp('first', { answerMs: 10, due: 3 });
    await clock.advance(5);
    ahead.disown(clock.monotonicMs());
    await clock.advance(10);
    expect(world.givenBack).toBe(3);
    expect(ahead.waiting).toBe(0);
  });

  it('a loop takes another name for each claim', async () => {
    const { clock, claims } = setUp('first');
    await clock.advance(3 * POLL_MS);
    expect(claims.length).toBeGreaterThan(2);
    expect(new Set(claims.map(({ claimant }) => claimant)).size).toBe(claims.length);
  });

  it('a loop that claims again after defects stands still no more', async () => {
    const { clock, defects, world } = setUp('first');
    world.trouble = new TypeError('x is no function');
    await clock.advance(POLL_MS);
    expect(defects.status().count).toBeGreaterThan(0);
    expect(defects.health()).toMatchObject({ ok: false });
    world.trouble = null;
    await clock.advance(5_000);
    expect(defects.health()).toEqual({ ok: true });
  });
});
