import { describe, expect, it } from 'vitest';
import { LedgerWatch } from '../../../src/pipeline/deliver/ledger-watch.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';

const REQUEST = {
  target: 'warehouse',
  claimant: 'a claimant',
  limit: 1,
  nowMs: 0,
  leaseMs: 1,
  attempts: 'first',
} as const;

function setUp(
  answers: () => Promise<ClaimedDelivery[]>,
  settles: () => Promise<void> = async () => {},
  releases: () => Promise<void> = async () => {},
) {
  const logged: string[] = [];
  const store = {
    claimDeliveries: answers,
    settleDeliveries: settles,
    releaseDeliveries: releases,
    renewDeliveries: async () => {},
  };
  const held = { is: false };
  const watch = new LedgerWatch(
    'warehouse',
    store,
    { sleep: async () => {} },
    (level, message) => logged.push(`${level}: ${message}`),
    () => held.is,
  );
  const look = (seconds: number) => {
    for (let second = 0; second < seconds; second++) watch.look();
  };
  return { watch, logged, look, held };
}

describe('the watch over the ledger', () => {
  it('no problem is reported while claims are answered, or while nobody claims', async () => {
    const { watch, logged, look } = setUp(async () => []);
    look(100);
    for (let claim = 0; claim < 20; claim++) {
      await watch.store.claimDeliveries(REQUEST);
      look(10);
    }
    expect(watch.problem()).toBeNull();
    expect(logged).toEqual([]);
  });

  it('a claim that the store has not answered for 15 s is reported, and its answer too', async () => {
    let answer: (claimed: ClaimedDelivery[]) => void = () => {};
    const { watch, logged, look } = setUp(() => new Promise((resolve) => (answer = resolve)));
    const claim = watch.store.claimDeliveries(REQUEST);
    look(14);
    expect(watch.problem()).toBeNull();
    look(3);
    expect(watch.problem()).toBe(
      'Deliveries to warehouse stand still: the store has not answered a claim for 17 s',
    );
    answer([]);
    await claim;
    look(1);
    expect(watch.problem()).toBeNull();
    expect(logged).toEqual([
      'warn: Deliveries to warehouse stand still: the store has not answered a claim for 15 s',
      'info: The store answers for deliveries to warehouse again',
    ]);
  });

  it('claims that fail for 15 s are reported with the last reason', async () => {
    const { watch, look } = setUp(() => Promise.reject(new Error('the table is gone')));
    for (let claim = 0; claim < 16; claim++) {
      await expect(watch.store.claimDeliveries(REQUEST)).rejects.toThrow();
      look(1);
    }
    expect(watch.problem()).toBe(
      'Deliveries to warehouse stand still: a claim has failed for 16 s: the table is gone',
    );
  });

  it('a claim that failed just before a pause is no problem, because no other follows it', async () => {
    const { watch, look, held } = setUp(() => Promise.reject(new Error('the table is gone')));
    await expect(watch.store.claimDeliveries(REQUEST)).rejects.toThrow();
    look(5);
    held.is = true;
    look(60);
    expect(watch.problem()).toBeNull();
    held.is = false;
    await expect(watch.store.claimDeliveries(REQUEST)).rejects.toThrow();
    look(14);
    expect(watch.problem()).toBeNull();
    look(1);
    expect(watch.problem()).toContain('a claim has failed for 15 s');
  });

  it('attempts that cannot be recorded during a pause are reported', async () => {
    const { watch, look, held } = setUp(
      async () => [],
      () => Promise.reject(new Error('the table is gone')),
    );
    held.is = true;
    await expect(watch.store.settleDeliveries([])).rejects.toThrow();
    look(15);
    expect(watch.problem()).toContain('the recording of attempts has failed for 15 s');
  });

  it('a claim that was never answered is reported although later claims are answered', async () => {
    const answers: Promise<ClaimedDelivery[]>[] = [new Promise(() => {})];
    const { watch, look } = setUp(() => answers.shift() ?? Promise.resolve([]));
    void watch.store.claimDeliveries(REQUEST);
    look(15);
    await watch.store.claimDeliveries(REQUEST);
    answers.push(new Promise(() => {}));
    void watch.store.claimDeliveries(REQUEST);
    look(1);
    expect(watch.problem()).toContain('has not answered a claim for 16 s');
  });

  it('attempts that cannot be recorded are reported although claims are answered', async () => {
    const { watch, look } = setUp(
      async () => [],
      () => Promise.reject(new Error('the table is gone')),
    );
    await expect(watch.store.settleDeliveries([])).rejects.toThrow();
    for (let second = 0; second < 15; second++) {
      await watch.store.claimDeliveries(REQUEST);
      look(1);
    }
    expect(watch.problem()).toContain('the recording of attempts has failed for 15 s');
  });

  it('claims that cannot be given back are reported', async () => {
    const { watch, look } = setUp(
      async () => [],
      async () => {},
      () => new Promise(() => {}),
    );
    void watch.store.releaseDeliveries([]);
    look(15);
    expect(watch.problem()).toContain('has not answered the giving back of claims for 15 s');
  });
});
