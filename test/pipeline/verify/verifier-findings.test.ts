import { afterEach, describe, expect, it } from 'vitest';
import { type OrderEvent, type OrderState, orders } from '../../../src/orders/index.ts';
import type { VerifierOptions } from '../../../src/pipeline/verify/verifier.ts';
import type { Store } from '../../../src/ports/store.ts';
import { SqliteHarness } from '../../adapters/sqlite/harness.ts';
import { wrap } from '../ingest/harness.ts';
import { OrderWorld } from './order-world.ts';
import { VerifierPlace } from './verifier-place.ts';

const harness = new SqliteHarness();
afterEach(() => harness.cleanup());

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

async function worldOf(ids: readonly string[] = IDS): Promise<OrderWorld> {
  const world = await OrderWorld.make(harness);
  for (const id of ids) await world.happens(id, 'o', 'pa');
  return world;
}

function placeOn(
  world: OrderWorld,
  facts: Partial<VerifierOptions<OrderState, OrderEvent>> = {},
  replaced: Partial<Store> = {},
): VerifierPlace {
  const { targetsFromBeginning, due } = world.parts();
  return new VerifierPlace([], { targetsFromBeginning, due, store: wrap(world.store, replaced), ...facts });
}

async function audited(world: OrderWorld) {
  const entries = await world.store.listAudit({ after: null, limit: 100 });
  return entries.map(({ action, subject, details, decidedBy, reason, decidedAtMs }) => ({
    action,
    subject,
    details,
    decidedBy,
    reason,
    decidedAtMs,
  }));
}

const alter = (...ids: string[]) =>
  harness.rawQuery(`UPDATE orders SET payment_status = NULL WHERE order_id IN ('${ids.join("','")}')`);

/** The fold that throws at every payment while `isBroken()`. */
const breaking = (isBroken: () => boolean): typeof orders => ({
  ...orders,
  evolve(state, event) {
    if (isBroken() && event.kind === 'payment_status_changed') throw new RangeError('no such payment');
    return orders.evolve(state, event);
  },
});

describe('what the verifier finds', () => {
  it('tells of five repaired rows and of the number of the others, and adds all to the audit log', async () => {
    const world = await worldOf();
    await alter(...IDS);
    const place = placeOn(world);
    place.verifier.start();
    await place.rest();
    expect(await world.differences()).toEqual([]);
    const made = (id: string) =>
      `warn: The row of "${id}" had been altered; it was made from the journal again.`;
    expect(place.logged).toEqual([
      ...IDS.slice(0, 5).map(made),
      'warn: The rows of 2 more entities were made from the journal again.',
    ]);
    expect(await audited(world)).toEqual([
      {
        action: 'rows_repaired',
        subject: 'the comparison of view and journal',
        details: { rows: Object.fromEntries(IDS.map((id) => [id, 'row_altered'])) },
        decidedBy: 'order-sync',
        reason: 'These rows differed from the journal.',
        decidedAtMs: place.clock.now(),
      },
    ]);
    expect(place.verifier.status()).toMatchObject({
      compared: 10,
      repaired: 7,
      differences: { row_altered: 7 },
      lastPass: { compared: 10, differences: { row_altered: 7 } },
    });
  });

  it('tells of exactly five repaired rows without a number of others', async () => {
    const world = await worldOf();
    await alter('a', 'b', 'c', 'd', 'e');
    const place = placeOn(world);
    place.verifier.start();
    await place.rest();
    expect(place.logged).toHaveLength(5);
    expect(place.logged.join()).not.toContain('more entities');
  });

  it('counts differences for ever, and those of the last pass alone', async () => {
    const world = await worldOf();
    await alter('a', 'b');
    const place = placeOn(world);
    place.verifier.start();
    await place.rest();
    await harness.rawQuery("DELETE FROM orders WHERE order_id = 'c'");
    await alter('d');
    await place.rest();
    expect(place.verifier.status()).toMatchObject({
      repaired: 4,
      differences: { row_altered: 3, row_missing: 1 },
      lastPass: { differences: { row_altered: 1, row_missing: 1 } },
    });
    await place.rest();
    expect(place.verifier.status().lastPass?.differences).toEqual({});
  });

  it('repairs the rows of a rush without a line for each, and without the audit log', async () => {
    const world = await worldOf();
    await alter('a', 'b');
    const place = placeOn(world);
    place.verifier.rush();
    place.verifier.start();
    await place.rest();
    expect(await world.differences()).toEqual([]);
    expect(place.logged).toEqual(['info: The view is complete again: its rows were made from the journal.']);
    expect(await audited(world)).toEqual([]);
  });

  it('counts entities that cannot be folded in each pass, logs the first one, and leaves their rows', async () => {
    const world = await worldOf();
    await alter('a', 'b');
    const place = placeOn(world, { domain: breaking(() => true) });
    place.verifier.start();
    await place.rests(2);
    // The orders that were adopted have no payment of this kind.
    const { unfoldable, differences, repaired } = place.verifier.status();
    expect([unfoldable, differences, repaired]).toEqual([14, { unfoldable: 14 }, 0]);
    expect(place.logged).toEqual([
      expect.stringMatching(/^warn: A row cannot be compared: The fold throws at .*: no such payment$/),
    ]);
  });

  it('parks an order that cannot be folded any more when its row is repaired, and says why', async () => {
    const world = await worldOf(['a', 'b']);
    await alter('a', 'b');
    let isBroken = false;
    const commit: Store['commit'] = (batch) => {
      isBroken = true;
      return world.store.commit(batch);
    };
    const place = placeOn(world, { domain: breaking(() => isBroken) }, { commit });
    place.verifier.start();
    await place.rest();
    expect(place.logged).toEqual([
      expect.stringMatching(/^error: "a" is parked: The fold throws at .*: no such payment$/),
      expect.stringMatching(/^error: "b" is parked: The fold throws at .*: no such payment$/),
    ]);
    expect([place.parked.has('a'), place.parked.has('b')]).toEqual([true, true]);
    expect(place.verifier.status()).toMatchObject({ repaired: 0, differences: { row_altered: 2 } });
    expect(await audited(world)).toEqual([]);
  });

  it('logs the first five differences of a pass that it leaves to a person', async () => {
    const world = await worldOf();
    await harness.rawQuery("DELETE FROM deliveries WHERE entity_id IN ('a', 'b', 'c', 'd', 'e', 'f')");
    await alter('a', 'b', 'g');
    const place = placeOn(world);
    const told = (id: string) =>
      `warn: The ledger of order-mgt is wrong about "${id}" (missing): order-sync verify --repair puts right what can be.`;
    place.verifier.start();
    await place.rest();
    const ofLedger = () => place.logged.filter((line) => line.includes('The ledger'));
    expect(ofLedger()).toEqual(['a', 'b', 'c', 'd', 'e'].map(told));
    await place.rest();
    expect(ofLedger()).toHaveLength(10);
    expect(place.verifier.status()).toMatchObject({
      repaired: 3,
      differences: { row_altered: 3, ledger_missing: 12 },
      lastPass: { differences: { ledger_missing: 6 } },
    });
  });

  it('says how the version of a row differed', async () => {
    const world = await worldOf(['a', 'b', 'c']);
    await harness.rawQuery("UPDATE orders SET version = 1 WHERE order_id = 'a'");
    await harness.rawQuery("UPDATE orders SET version = 9 WHERE order_id = 'b'");
    await harness.rawQuery("DELETE FROM orders WHERE order_id = 'c'");
    const place = placeOn(world);
    place.verifier.start();
    await place.rest();
    const again = 'it was made from the journal again.';
    expect(place.logged).toEqual([
      `warn: The row of "a" was at version 1, where the journal has 2; ${again}`,
      `warn: The row of "b" was at version 9, which the journal does not have; ${again}`,
      `warn: The row of "c" was missing; ${again}`,
    ]);
  });

  it.each([
    ['the view has another epoch', { epoch: 5 }],
    ['a rebuild is switched', { phase: 'switching' as const }],
    ['the changes of a rebuild are made due', { phase: 'settling' as const }],
  ])('counts and repairs nothing while %s', async (_, facts) => {
    const world = await worldOf(['a']);
    await alter('a');
    const { epoch } = await world.store.viewState();
    let isOver = false;
    const viewState = async () => ({ ...(await world.store.viewState()), ...(isOver ? {} : facts) });
    const epochs: (number | undefined)[] = [];
    const commit: Store['commit'] = (batch) => {
      epochs.push(batch.viewEpoch);
      return world.store.commit(batch);
    };
    const place = placeOn(world, { view: { writesRows: true, epoch } }, { viewState, commit });
    place.verifier.start();
    await place.rest();
    expect(place.verifier.status()).toMatchObject({ passes: 1, repaired: 0, differences: {} });
    isOver = true;
    await place.rest();
    expect(place.verifier.status()).toMatchObject({ repaired: 1, differences: { row_altered: 1 } });
    expect(epochs).toEqual([epoch]);
  });
});
