import mysql from 'mysql2/promise';
import { describe, expect, it, vi } from 'vitest';
import { LEASE_MS } from '../../contract/store/delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  event,
  PARCELS,
  parcelMigration,
  TARGET,
  TARGETS,
  usePlace,
} from '../../contract/store/fixtures.ts';
import { describeStore } from '../../contract/store.ts';
import { services } from '../../services/context.ts';
import { MysqlHarness } from './harness.ts';

/** All tests of the store on one of the two servers. `prefix` stands in front of the tables of the contract's tests. */
export function describeStoreOnServer(server: 'mysql' | 'mariadb', prefix = ''): void {
  const title = { mysql: 'MySQL', mariadb: 'MariaDB' }[server];
  describe.skipIf(services().lacks(server))(title, () => {
    const harness = () => new MysqlHarness(() => services()[server].url);
    const contract = prefix === '' ? title : `${title} with a prefix`;
    describeStore(contract, new MysqlHarness(() => services()[server].url, prefix));
    describeSegments(harness());
    describeIndex(harness());
    describeClaims(harness());
    describeExchange(harness());
  });
}

/** Tests of the table behind the view event_journal. */
function describeSegments(harness: MysqlHarness): void {
  describe('journal_segments', () => {
    const place = usePlace(harness);

    it.each([
      'UPDATE journal_segments SET event_count = 0',
      "UPDATE event_journal SET entity_id = 'other'",
      'DELETE FROM journal_segments',
    ])('the journal refuses to be changed: %s', async (sql) => {
      await commitChanges(place.store, change('parcel', 0));
      const before = await place.store.readJournals(['parcel']);

      await expect(harness.rawQuery(sql)).rejects.toThrow('immutable');

      expect(await place.store.readJournals(['parcel'])).toEqual(before);
    });
  });
}

/** Tests of an index that contradicts the segments it names. */
function describeIndex(harness: MysqlHarness): void {
  describe('journal_index', () => {
    const place = usePlace(harness);
    const never = new AbortController().signal;
    const range = { entityId: 'parcel', after: null, through: null, limit: 100 };

    it.each([
      "UPDATE journal_index SET place = 5 - place WHERE id_hash <> UNHEX(REPEAT('00', 8))",
      "UPDATE journal_index SET first_version = 7 WHERE place = 1 AND id_hash <> UNHEX(REPEAT('00', 8))",
    ])('the index is built again if it contradicts the segments: %s', async (sql) => {
      const { longJournals } = place.store;
      const events = Array.from({ length: 6 }, (_, index) => event('parcel', index + 1));
      await commitChanges(place.store, change('parcel', 0, { events }));
      await longJournals.index('parcel', 1, never);
      await harness.rawQuery(sql);
      await expect(longJournals.readRange(range)).rejects.toMatchObject({ code: 'store_failed' });

      expect(await longJournals.lookUp([{ entityId: 'parcel', eventIds: [] }])).toEqual(new Map());
      await longJournals.index('parcel', 1, never);
      expect(await longJournals.readRange(range)).toEqual({ events, isEnd: true });
    });

    it('the index is built again without lost events after the journal alone was restored', async () => {
      const { longJournals } = place.store;
      await commitChanges(place.store, change('parcel', 0));
      await longJournals.index('parcel', 1, never);
      await commitChanges(
        place.store,
        change('parcel', 1, { long: { foldVersion: 1, dropFrom: null, rungs: [] } }),
      );
      await harness.rawQuery('DROP TRIGGER journal_segments_no_delete');
      await harness.rawQuery('DELETE FROM journal_segments WHERE first_version = 2');

      expect(await longJournals.index('parcel', 1, never)).toMatchObject({ version: 1 });
      const eventIds = ['event-1', 'event-2'];
      const found = await longJournals.lookUp([{ entityId: 'parcel', eventIds }]);
      expect(found.get('parcel')?.known.map(({ eventId }) => eventId)).toEqual(['event-1']);
    });

    it('a journal that lacks versions in the middle is indexed without a ladder', async () => {
      const { longJournals } = place.store;
      for (const from of [0, 1, 2]) await commitChanges(place.store, change('parcel', from));
      await harness.rawQuery('DROP TRIGGER journal_segments_no_delete');
      await harness.rawQuery('DELETE FROM journal_segments WHERE first_version = 2');
      expect(await longJournals.index('parcel', 1, never)).toMatchObject({ version: 3, foldVersion: null });
    });
  });
}

/** A claim takes rows of equal columns together, in one transaction for each kind. */
function describeClaims(harness: MysqlHarness): void {
  describe('a claim of deliveries', () => {
    const place = usePlace(harness);

    /** 30 deliveries of each of three versions. */
    async function makeDue(): Promise<void> {
      const ids = [1, 2, 3].map((version) =>
        Array.from({ length: 30 }, (_, index) => `${index} of ${version}`),
      );
      const all = (from: number) =>
        ids.slice(from).flatMap((some) => some.map((id) => change(id, from, { delivery: DUE })));
      for (const from of [0, 1, 2]) await commitChanges(place.store, ...all(from));
    }

    const claim = (limit: number) =>
      place.store.claimDeliveries({
        target: TARGET,
        claimant: `claimant of ${limit}`,
        limit,
        leaseMs: LEASE_MS,
        attempts: 'first',
      });

    it.each([90, 40])(
      'a claim of %i deliveries takes rows of several versions, each as it was read',
      async (limit) => {
        await makeDue();
        const claimed = await claim(limit);
        expect(claimed).toHaveLength(limit);
        for (const { entityId, version, attempt } of claimed) {
          expect(entityId).toMatch(new RegExp(` of ${version}$`));
          expect(attempt).toBe(1);
        }
        expect(await claim(100)).toHaveLength(90 - limit);
      },
    );

    /** Claims up to three deliveries. Runs the statements between the moment when it reads them and that when it takes them. */
    async function claimAround(...statements: readonly string[]) {
      const other = await mysql.createConnection({ uri: harness.url });
      try {
        await other.query('START TRANSACTION');
        // The claim reads what is due, and then waits for this lock before it takes it.
        await other.query('SELECT 1 FROM view_states FOR UPDATE');
        const claimed = claim(3);
        await vi.waitFor(async () => expect(await waitingSessions(harness)).toHaveLength(1), waiting);
        for (const statement of statements) await other.query(statement);
        await other.query('COMMIT');
        return await claimed;
      } finally {
        await other.end();
      }
    }

    it('a first claim leaves a retry alone that was a first attempt when it was read', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      // An attempt that did not count has ended meanwhile, and waits for its next one.
      const retryAtMs = place.clock.now() + 60_000;
      const claimed = await claimAround(`UPDATE deliveries SET is_retry = 1, next_attempt_at = ${retryAtMs}`);
      expect(claimed).toEqual([]);
      expect(await place.store.readDelivery(TARGET, 'parcel')).toMatchObject({ attempts: 0 });
    });

    it.each(['epoch = epoch + 1', "phase = 'switching'"])(
      'a claim takes nothing if the view was exchanged since it was read: %s',
      async (changed) => {
        await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
        expect(await claimAround(`UPDATE view_states SET ${changed}`)).toEqual([]);
        expect(await harness.rawQuery('SELECT 1 FROM deliveries WHERE claim_id <> 0')).toEqual([]);
      },
    );

    it.each([
      ['another claimant took one', 'claim_id = 5, leased_until = 253402214400000, attempts = 1'],
      ['one got a newer version', 'due_version = 2'],
      ['an attempt at one began', 'attempts = 1'],
    ])('a claim takes the others if %s since it was read', async (_what, changed) => {
      const ids = ['a', 'b', 'c'];
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const claimed = await claimAround(`UPDATE deliveries SET ${changed} WHERE entity_id = 'b'`);
      expect(claimed.map(({ entityId, version, attempt }) => [entityId, version, attempt])).toEqual([
        ['a', 1, 1],
        ['c', 1, 1],
      ]);
    });

    it('a claim keeps the deliveries it has taken when the database fails at the rest', async () => {
      await makeDue();
      await harness.rawQuery(
        'CREATE TRIGGER no_claims BEFORE UPDATE ON deliveries FOR EACH ROW ' +
          "IF OLD.due_version = 2 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not these'; END IF",
      );
      const claimed = await claim(90);
      expect(claimed.length).toBeGreaterThanOrEqual(30);
      expect(claimed.filter(({ version }) => version === 2)).toEqual([]);
      const leased = await harness.rawQuery('SELECT 1 FROM deliveries WHERE leased_until > 0');
      expect(leased).toHaveLength(claimed.length);
      await harness.rawQuery('DROP TRIGGER no_claims');
      expect(await claim(100)).toHaveLength(90 - claimed.length);
    });
  });
}

/** The server makes the list of transactions anew only if nobody has read it for 100 ms. */
const waiting = { timeout: 20_000, interval: 150 };

/** The sessions on the harness's database that wait for a lock of a row. */
function waitingSessions(harness: MysqlHarness): Promise<Record<string, unknown>[]> {
  return harness.rawQuery(
    'SELECT t.trx_id FROM information_schema.innodb_trx t ' +
      'JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id ' +
      "WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'",
  );
}

/** MySQL commits a RENAME by itself, so a process may die between the RENAME and its record. */
function describeExchange(harness: MysqlHarness): void {
  describe('the exchange of the view', () => {
    const place = usePlace(harness);
    const columns = [...PARCELS.columns, { name: 'carrier', type: 'text' } as const];
    const rebuild = { rebuildId: 'rebuild-1', foldVersion: 2, columns };
    const RENAME = 'RENAME TABLE parcels TO parcels_former, parcels_rebuilt TO parcels';

    async function begin(): Promise<number> {
      await place.store.beginRebuild(rebuild);
      return (await place.store.beginSwitch('rebuild-1')) ?? 0;
    }

    it.each(['exchange', 'takeBackSwitch'] as const)(
      'a switch whose process died right after the RENAME is finished by %s, and a start keeps the table',
      async (method) => {
        const epoch = await begin();
        await harness.rawQuery(RENAME);
        const other = await harness.openAgain({ clock: place.clock, targets: TARGETS });
        const options = { ...parcelMigration(place.clock), view: { ...PARCELS, columns }, foldVersion: 2 };
        expect((await other.migrate(options)).report).toMatchObject({ viewIsEmpty: false, notes: [] });
        if (method === 'exchange')
          await place.store.exchange({ rebuildId: 'rebuild-1', epoch, waitSeconds: 2 });
        else expect(await place.store.takeBackSwitch(epoch)).toBe(true);
        expect(await place.store.viewState()).toMatchObject({ phase: 'settling', foldVersion: 2, columns });
      },
    );

    it('a transaction of another program delays the exchange, which then changes nothing', async () => {
      const epoch = await begin();
      const reader = await mysql.createConnection({ uri: harness.url });
      try {
        await reader.query('START TRANSACTION');
        await reader.query('SELECT * FROM parcels');
        const exchange = place.store.exchange({ rebuildId: 'rebuild-1', epoch, waitSeconds: 1 });
        await expect(exchange).rejects.toMatchObject({ code: 'store_busy', retryable: true });
        expect(await place.store.viewState()).toMatchObject({ phase: 'switching', foldVersion: 1 });
      } finally {
        await reader.end();
      }
      await place.store.exchange({ rebuildId: 'rebuild-1', epoch, waitSeconds: 1 });
      expect(await place.store.viewState()).toMatchObject({ phase: 'settling', foldVersion: 2 });
    });

    it('a switch is not taken back while another process exchanges the tables', async () => {
      const epoch = await begin();
      const holder = await mysql.createConnection({ uri: harness.url });
      try {
        await holder.query("SELECT GET_LOCK(LEFT(CONCAT('tributary view:', DATABASE()), 64), 0)");
        expect(await place.store.takeBackSwitch(epoch)).toBe(false);
        expect(await place.store.viewState()).toMatchObject({ phase: 'switching' });
      } finally {
        await holder.end();
      }
      // The server frees the lock some time after the connection has ended.
      await vi.waitFor(async () => expect(await place.store.takeBackSwitch(epoch)).toBe(true));
    });
  });
}
