import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { orders } from '../../../src/orders/index.ts';
import { LongHistories } from '../../../src/pipeline/ingest/long-histories.ts';
import { compareEntities, type Difference } from '../../../src/pipeline/verify/compare.ts';
import { isOfLedger, verifyEntities } from '../../../src/pipeline/verify/repair.ts';
import { SqliteHarness } from '../../adapters/sqlite/harness.ts';
import { CHOOSY, FIRST, OrderWorld } from './order-world.ts';
import { RandomHistory } from './random-history.ts';

const harness = new SqliteHarness();

const HISTORIES = Number(process.env.VERIFY_HISTORIES ?? 3);
const STEPS = 50;

/** A difference in few words: the kind, the order, and the broken rules or the columns. */
function short(difference: Difference): unknown[] {
  const { kind, entityId } = difference;
  if (isOfLedger(difference)) return [kind, entityId, difference.target, ...difference.faults];
  if ('columns' in difference) return [kind, entityId, ...difference.columns.map(({ name }) => name)];
  return [kind, entityId];
}

describe('the rules of rows and ledger', () => {
  afterEach(() => harness.cleanup());

  it('no legal history of an order breaks a rule, whatever the batches, deliveries, sweeps and repairs were', async () => {
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const world = await OrderWorld.make(harness);
      const history = new RandomHistory(world, seed);
      for (let step = 0; step < STEPS; step++) {
        await history.step();
        const found = (await world.differences()).map(short);
        expect(found, `seed ${seed}, after ${history.did.join(', ')}`).toEqual([]);
      }
      await harness.cleanup();
    }
  });
});

/** Orders in every state of delivery: each is named by its state. */
async function everyState(): Promise<OrderWorld> {
  const world = await OrderWorld.make(harness);
  await world.happens('declined', 'o', 'pa');
  await world.happens('delivered', 'o', 'pa');
  await world.happens('dead', 'o', 'pa');
  await world.happens('retry', 'o', 'pa');
  await world.deliver(FIRST, { dead: 'dead', retry: { retryAtMs: world.clock.now() + 60_000 } });
  // A second acceptance raises the version and changes nothing.
  await world.happens('delivered', 'pa');
  await world.happens('declined', 'pad');
  await world.deliver(FIRST);
  await world.happens('reviewed', 'o', 'par', 'paa');
  await world.deliver(FIRST);
  await world.deliver(CHOOSY);
  await world.happens('unready', 'o');
  await world.happens('due', 'o', 'pa', 'pa');
  await world.happens('claimed', 'o', 'pa');
  expect((await world.differences()).map(short)).toEqual([]);
  return world;
}

const SET = (set: string, id: string, target = FIRST) =>
  `UPDATE deliveries SET ${set} WHERE target = '${target}' AND entity_id = '${id}'`;
const ROW = (set: string, id: string) => `UPDATE orders SET ${set} WHERE order_id = '${id}'`;

/** Each alteration by hand, with the difference that it makes. */
const ALTERATIONS: readonly (readonly [sql: string, difference: readonly string[]])[] = [
  ["DELETE FROM orders WHERE order_id = 'delivered'", ['row_missing', 'delivered']],
  ["INSERT INTO orders VALUES ('stranger', 'CREATED', NULL, NULL, 0, 3)", ['row_extra', 'stranger']],
  [ROW('order_status = NULL', 'delivered'), ['row_altered', 'delivered', 'order_status']],
  [ROW("payment_status = 'PAYMENT_AUTHORISED'", 'due'), ['row_altered', 'due', 'payment_status']],
  [ROW("review_status = 'PENDING'", 'dead'), ['row_altered', 'dead', 'review_status']],
  [ROW('ready_to_send = 0', 'reviewed'), ['row_altered', 'reviewed', 'ready_to_send']],
  [ROW("ready_to_send = 'yes'", 'reviewed'), ['row_altered', 'reviewed', 'ready_to_send']],
  [ROW('version = 1', 'delivered'), ['version_behind', 'delivered', 'version']],
  [ROW('version = 9', 'delivered'), ['version_ahead', 'delivered', 'version']],
  [ROW("version = 1, payment_status = 'x'", 'due'), ['version_behind', 'due', 'payment_status', 'version']],
  ["DELETE FROM deliveries WHERE entity_id = 'due'", ['ledger_missing', 'due', FIRST, 'missing']],
  ["DELETE FROM deliveries WHERE entity_id = 'delivered'", ['ledger_missing', 'delivered', FIRST, 'missing']],
  [SET('due_version = 9', 'due'), ['ledger_wrong', 'due', FIRST, 'due_beyond']],
  [SET('due_version = 0', 'due'), ['ledger_wrong', 'due', FIRST, 'due_beyond']],
  [SET('due_version = 1', 'due'), ['ledger_wrong', 'due', FIRST, 'due_outdated']],
  [SET('due_version = 3', 'delivered'), ['ledger_wrong', 'delivered', FIRST, 'delivered_other']],
  [
    SET('due_version = 1', 'delivered'),
    ['ledger_wrong', 'delivered', FIRST, 'due_outdated', 'delivered_beyond', 'delivered_other'],
  ],
  [SET('due_version = 1', 'dead'), ['ledger_wrong', 'dead', FIRST, 'due_outdated', 'dead_untried']],
  [
    SET('delivered_version = NULL', 'delivered'),
    ['ledger_wrong', 'delivered', FIRST, 'delivered_behind', 'delivered_other'],
  ],
  [
    SET('delivered_version = 1', 'delivered'),
    ['ledger_wrong', 'delivered', FIRST, 'delivered_behind', 'delivered_other'],
  ],
  [
    SET('delivered_version = 8', 'delivered'),
    ['ledger_wrong', 'delivered', FIRST, 'delivered_beyond', 'delivered_other'],
  ],
  [
    SET('due_version = 3, delivered_version = 3', 'delivered'),
    ['ledger_wrong', 'delivered', FIRST, 'delivered_unproven'],
  ],
  [SET('delivered_version = 5', 'due'), ['ledger_wrong', 'due', FIRST, 'delivered_beyond']],
  [SET("status = 'pending'", 'delivered'), ['ledger_wrong', 'delivered', FIRST, 'misplaced']],
  [SET("status = 'dead'", 'delivered'), ['ledger_wrong', 'delivered', FIRST, 'dead_untried', 'misplaced']],
  [SET("status = 'delivered'", 'dead'), ['ledger_wrong', 'dead', FIRST, 'delivered_other', 'misplaced']],
  [SET("status = 'delivered'", 'due'), ['ledger_wrong', 'due', FIRST, 'delivered_other', 'misplaced']],
  [
    SET("status = 'delivered', delivered_version = due_version, next_attempt_at = NULL", 'due'),
    ['ledger_wrong', 'due', FIRST, 'delivered_unproven'],
  ],
  [
    SET("status = 'delivered', delivered_version = due_version, next_attempt_at = NULL", 'retry'),
    ['ledger_wrong', 'retry', FIRST, 'delivered_unproven'],
  ],
  [SET('next_attempt_at = NULL', 'due'), ['ledger_wrong', 'due', FIRST, 'misplaced']],
  [SET('next_attempt_at = -1', 'due'), ['ledger_wrong', 'due', FIRST, 'misplaced']],
  [SET('next_attempt_at = 253402300800000', 'due'), ['ledger_wrong', 'due', FIRST, 'misplaced']],
  [SET('is_retry = 2', 'due'), ['ledger_wrong', 'due', FIRST, 'misplaced']],
  [SET('next_attempt_at = 253370764800000', 'retry'), ['ledger_wrong', 'retry', FIRST, 'misplaced']],
  [SET('next_attempt_at = 5', 'dead'), ['ledger_wrong', 'dead', FIRST, 'misplaced']],
  [SET('next_attempt_at = 5', 'delivered'), ['ledger_wrong', 'delivered', FIRST, 'misplaced']],
  [SET("claimed_by = 'me'", 'delivered'), ['ledger_wrong', 'delivered', FIRST, 'claimed_at_rest']],
  [
    SET('due_version = 1', 'adopted sent'),
    ['ledger_wrong', 'adopted sent', FIRST, 'due_outdated', 'delivered_beyond', 'delivered_other'],
  ],
  [
    SET('delivered_version = 1', 'reviewed', CHOOSY),
    ['ledger_wrong', 'reviewed', CHOOSY, 'delivered_behind', 'delivered_other'],
  ],
  ['DELETE FROM delivery_attempts', ['ledger_wrong', 'reviewed', CHOOSY, 'delivered_unproven']],
];

/** Alterations that are reported, and that the program does not put right. */
const ORPHAN = (id: string) =>
  'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at, due_since) ' +
  `VALUES ('${FIRST}', '${id}', 1, 'pending', 0, 5, 5)`;

describe('an order with a long journal', () => {
  afterEach(() => harness.cleanup());

  it('a row is compared with the fold of the ladder where the journal is too long to be read whole', async () => {
    const world = await OrderWorld.make(harness);
    const events = Array.from({ length: 60 }, (_, minute) =>
      world.event('long', minute === 7 ? 'o' : minute % 2 === 0 ? 'par' : 'paa', minute),
    );
    await world.commit(new Map([['long', events]]));
    const parts = {
      ...world.parts(),
      maxEvents: 20,
      long: new LongHistories({
        domain: orders,
        decoder: world.decoder,
        journals: world.store.longJournals,
        logger: () => {},
        limits: { longEvents: 20, intervalEvents: 8 },
      }),
    };
    const compare = async () => {
      const { unsettled, differences } = await compareEntities(parts, ['long']);
      return [unsettled, ...differences.map(short)];
    };
    expect(await compare()).toEqual([0]);
    await harness.rawQuery(ROW('review_status = NULL', 'long'));
    expect(await compare()).toEqual([0, ['row_altered', 'long', 'review_status']]);
    await harness.rawQuery(ROW('version = 61', 'long'));
    expect(await compare()).toEqual([0, ['version_ahead', 'long', 'review_status', 'version']]);
    const byVersion = { ...parts, long: undefined };
    expect((await compareEntities(byVersion as never, ['long'])).differences.map(short)).toEqual([
      ['version_ahead', 'long', 'version'],
    ]);
    expect((await verifyEntities(parts, ['long'], true)).differences).toMatchObject([{ isRepaired: true }]);
    await world.happens('long', 'pad');
    expect(await compare()).toEqual([0]);
  });
});

const TABLES = ['orders', 'deliveries', 'delivery_attempts'];

describe('an alteration by hand', () => {
  let world: OrderWorld;

  // One world serves all tests, and is put back before each.
  beforeAll(async () => {
    world = await everyState();
    for (const table of TABLES)
      await harness.rawQuery(`CREATE TABLE saved_${table} AS SELECT * FROM ${table}`);
  });
  beforeEach(async () => {
    for (const table of TABLES) {
      await harness.rawQuery(`DELETE FROM ${table}`);
      await harness.rawQuery(`INSERT INTO ${table} SELECT * FROM saved_${table}`);
    }
  });
  afterAll(() => harness.cleanup());

  it.each(ALTERATIONS)(
    'an alteration by hand is found, put right, and then gone: %s',
    async (sql, expected) => {
      const before = await world.store.readView(world.ids);
      await harness.rawQuery(sql);
      const found = (await world.differences()).map(short);
      expect(found).toContainEqual(expected);

      const { differences } = await world.repair();
      expect(differences.map(short)).toEqual(found);
      expect(differences.filter(({ isRepaired }) => !isRepaired)).toEqual([]);
      expect((await world.differences()).map(short)).toEqual([]);
      expect(await world.store.readView([...world.ids, 'stranger'])).toEqual(before);
    },
  );

  it('what is due after all repairs is what the view has, and is accepted', async () => {
    const before = await world.store.readView(world.ids);
    for (const [sql] of ALTERATIONS.filter(([sql]) => !sql.startsWith('INSERT'))) await harness.rawQuery(sql);
    await world.repair();
    for (const target of [FIRST, CHOOSY]) {
      for (const delivery of await world.claim(target)) {
        expect(delivery.row).toEqual(before.get(delivery.entityId)?.row);
        await world.settle(delivery, 'delivered');
      }
    }
    expect((await world.differences()).map(short)).toEqual([]);
  });

  it.each([
    ['nobody', 'orphan'],
    ['unready', 'never_ready'],
  ])('an entry of the ledger that nothing supports is reported, and stays (%s)', async (id, fault) => {
    await harness.rawQuery(ORPHAN(id));
    const { differences } = await world.repair();
    expect(differences.map(short)).toEqual([['ledger_unfounded', id, FIRST, fault]]);
    expect(differences[0]?.isRepaired).toBe(false);
  });

  it('a due version moved between two versions is not seen where the sequence of arrival is not known', async () => {
    await harness.rawQuery(SET('due_version = 1', 'due'));
    expect(await world.differences(false)).toEqual([]);
    expect(await world.differences()).toHaveLength(1);
  });

  it('a delivery that was only made due once more, as by a sweep, is no difference', async () => {
    await harness.rawQuery(
      SET("status = 'pending', attempts = 0, next_attempt_at = 5, is_retry = 0", 'delivered'),
    );
    expect(await world.differences()).toEqual([]);
  });

  it('a delivered entry is put right without sending its state again', async () => {
    await world.deliver(FIRST);
    await harness.rawQuery(SET('delivered_version = 1', 'delivered'));
    await world.repair();
    expect(await world.claim(FIRST)).toEqual([]);
    expect(await world.store.readDelivery(FIRST, 'delivered')).toMatchObject({
      status: 'delivered',
      dueVersion: 2,
      deliveredVersion: 2,
    });
  });

  it('a repair of an entry that is being sent leaves its claim alone', async () => {
    const claims = await world.claim(FIRST);
    const claim = claims.find(({ entityId }) => entityId === 'claimed');
    if (claim === undefined) throw new Error('It was due.');
    await harness.rawQuery(SET('next_attempt_at = NULL', 'claimed'));
    const { differences } = await world.repair();
    expect(differences.map(short)).toEqual([['ledger_wrong', 'claimed', FIRST, 'misplaced']]);
    expect(await world.claim(FIRST)).toEqual([]);
    await world.settle(claim, 'delivered');
    expect(await world.store.readDelivery(FIRST, 'claimed')).toMatchObject({ status: 'delivered' });
    expect(await world.differences()).toEqual([]);
  });
});
