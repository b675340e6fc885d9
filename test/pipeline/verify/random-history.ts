import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import { CHOOSY, FIRST, type Happening, type OrderWorld } from './order-world.ts';

/** A seeded generator of numbers from 0 to below 1: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const HAPPENINGS: readonly Happening[] = ['o', 'pa', 'par', 'paa', 'pad', 'o', 'paa'];

/**
 * One random thing after another that a store may see: batches of any size and in any sequence, claims, settlements late and
 * twice, lost leases, redrives, sweeps, repairs after a restore, parked and released orders.
 */
export class RandomHistory {
  readonly #world: OrderWorld;
  readonly #random: () => number;
  readonly #claimed: ClaimedDelivery[] = [];
  readonly did: string[] = [];

  constructor(world: OrderWorld, seed: number) {
    this.#world = world;
    this.#random = seededRandom(seed);
  }

  async step(): Promise<void> {
    const steps: readonly (readonly [weight: number, name: string, step: () => Promise<void>])[] = [
      [8, 'commit', () => this.#commit()],
      [5, 'claim', () => this.#claim()],
      [8, 'settle', () => this.#settle()],
      [2, 'time', () => this.#passTime()],
      [1, 'release claims', () => this.#releaseClaims()],
      [1, 'redrive', () => this.#world.redrive()],
      [2, 'sweep', () => this.#sweep()],
      [2, 'repair', () => this.#repair()],
      [1, 'park', () => this.#commit(true)],
      [1, 'unpark', () => this.#unpark()],
    ];
    const all = steps.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.#random() * all;
    for (const [weight, name, step] of steps) {
      left -= weight;
      if (left >= 0) continue;
      this.did.push(name);
      return step();
    }
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)];
  }

  #int(most: number): number {
    return Math.floor(this.#random() * most);
  }

  async #commit(parks = false): Promise<void> {
    const ids = ['order 1', 'order 2', 'order 3', 'adopted sent', 'adopted due', 'adopted early'];
    const events = new Map();
    for (let count = 1 + this.#int(2); count > 0; count--) {
      const id = this.#pick(ids) as string;
      const revision = this.#random() < 0.2 ? 1 + this.#int(6) : undefined;
      const some = Array.from({ length: 1 + this.#int(3) }, () =>
        this.#world.event(id, this.#pick(HAPPENINGS) as Happening, this.#int(60), revision),
      );
      events.set(id, some);
    }
    await this.#world.commit(events, parks);
  }

  async #claim(): Promise<void> {
    const target = this.#pick([FIRST, FIRST, CHOOSY]) as string;
    const attempts = this.#random() < 0.6 ? 'first' : 'later';
    this.#claimed.push(...(await this.#world.claim(target, attempts, 1 + this.#int(4))));
  }

  async #settle(): Promise<void> {
    const claimed = this.#pick(this.#claimed);
    if (claimed === undefined) return this.#claim();
    const retryAtMs = this.#world.clock.now() + this.#int(60_000);
    const next = this.#pick([
      'delivered',
      'delivered',
      'delivered',
      'dead',
      { retryAtMs },
      { retryAtMs, isCounted: false },
    ] as const);
    await this.#world.settle(claimed, next ?? 'delivered');
    // Now and then a claim is settled twice, as after an unknown commit.
    if (this.#random() < 0.9) this.#claimed.splice(this.#claimed.indexOf(claimed), 1);
  }

  async #passTime(): Promise<void> {
    this.#world.clock.nowMs += this.#int(90_000);
  }

  async #releaseClaims(): Promise<void> {
    const some = this.#claimed.splice(0, 1 + this.#int(3));
    await this.#world.store.releaseDeliveries(some);
  }

  async #sweep(): Promise<void> {
    const { store, ids } = this.#world;
    const entityId = this.#pick(ids) as string;
    const delivery = await store.readDelivery(FIRST, entityId);
    const version = delivery?.deliveredVersion;
    if (version != null) await store.makeDueAgain({ target: FIRST, delivered: [{ entityId, version }] });
  }

  async #repair(): Promise<void> {
    const { store, ids } = this.#world;
    const entityId = this.#pick(ids) as string;
    const stored = (await store.readView([entityId])).get(entityId);
    if (stored === undefined) return;
    const { version } = stored;
    const delivery = await store.readDelivery(FIRST, entityId);
    const replaces = this.#random() < 0.5 ? 'f'.repeat(64) : null;
    const repair =
      delivery === null
        ? ({ was: 'unrecorded', version, heldVersion: 1 + this.#int(version) } as const)
        : delivery.status === 'dead'
          ? ({ was: 'dead', version: delivery.dueVersion, heldVersion: delivery.dueVersion } as const)
          : ({ was: 'behind', version, heldVersion: version } as const);
    await store.makeRepairsDue({ target: FIRST, repairs: [{ entityId, replaces, ...repair }] });
  }

  async #unpark(): Promise<void> {
    const id = this.#pick([...this.#world.parked]);
    if (id !== undefined) await this.#world.release(id);
  }
}
