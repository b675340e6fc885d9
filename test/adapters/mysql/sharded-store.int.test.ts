import mysql, { type RowDataPacket } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeAsking } from '../../contract/store/asking.ts';
import { describeBase } from '../../contract/store/base.ts';
import { describeCheckpoints } from '../../contract/store/checkpoints.ts';
import { describeClocks } from '../../contract/store/clocks.ts';
import { describeDeadLetters } from '../../contract/store/dead-letters.ts';
import { describeDeliveries } from '../../contract/store/deliveries.ts';
import { describeDeliveryClaims } from '../../contract/store/delivery-claims.ts';
import { describeDeliveryPages } from '../../contract/store/delivery-pages.ts';
import { describeEventSearch } from '../../contract/store/event-search.ts';
import { migrateParcels, PARCELS, SettableClock, TARGETS } from '../../contract/store/fixtures.ts';
import { describeHolds } from '../../contract/store/holds.ts';
import { describeIdentity } from '../../contract/store/identity.ts';
import { describeIngest } from '../../contract/store/ingest.ts';
import { describeJobs } from '../../contract/store/jobs.ts';
import { describeJournal } from '../../contract/store/journal.ts';
import { describeLongJournals } from '../../contract/store/long-journals.ts';
import { describeOverview } from '../../contract/store/overview.ts';
import { describeQuarantine } from '../../contract/store/quarantine.ts';
import { describeReconciliation } from '../../contract/store/reconciliation.ts';
import { describeSenders } from '../../contract/store/senders.ts';
import { describeSettlements } from '../../contract/store/settlements.ts';
import { describeSweeps } from '../../contract/store/sweeps.ts';
import { describeTraces } from '../../contract/store/traces.ts';
import { describeVerification } from '../../contract/store/verification.ts';
import { NOT_FLUSHED } from '../../services/databases.ts';
import { type ShardedDatabase, startSharded } from '../../services/shardingsphere.ts';
import { ShardedHarness } from './sharded-harness.ts';

/**
 * The suite takes minutes, because each commit is one of two phases. A usual run leaves out what works on the tables of the
 * first server alone, where nothing differs from one MySQL server, and what repeats other parts. `TEST_SHARDED=whole` runs all.
 * Never run: taking over another program's table, its columns, names and prefixes, and rebuilding the view beside itself, because the
 * proxy renames no tables and its rules name those that it knows.
 */
const isWhole = process.env.TEST_SHARDED === 'whole';

describe('the store on two MySQL servers behind a proxy', () => {
  let sharded: ShardedDatabase;
  beforeAll(async () => {
    const view = { table: PARCELS.table, key: PARCELS.keyColumn };
    sharded = await startSharded({ databases: NOT_FLUSHED, view, isShortLived: true }, () => {});
  });
  afterAll(() => sharded?.stop());
  const harness = new ShardedHarness(() => sharded);

  describe('a first start', () => {
    afterEach(() => harness.cleanup());

    it('passes over what another first start has done at the same time, and tries again what it lost', async () => {
      const clock = new SettableClock();
      const opened = [await harness.open({ clock, targets: TARGETS })];
      opened.push(await harness.openAgain({ clock, targets: TARGETS }));
      const start = async (store: (typeof opened)[number]) => {
        for (let attempt = 1; ; attempt++) {
          try {
            return await migrateParcels(store, clock);
          } catch (error) {
            expect(error).toMatchObject({ retryable: true });
            if (attempt === 10) throw error;
          }
        }
      };
      const stores = await Promise.all(opened.map(start));
      const ids = await Promise.all(stores.map((store) => store.storeId()));
      expect(ids[0]).toBe(ids[1]);
    });
  });

  describe('the journal behind the proxy', () => {
    afterEach(() => harness.cleanup());

    it('keeps its triggers on each server', async () => {
      const clock = new SettableClock();
      await migrateParcels(await harness.openEmptied({ clock, targets: TARGETS }), clock);
      for (const uri of sharded.servers) {
        const connection = await mysql.createConnection({ uri, rowsAsArray: true });
        const [triggers] = await connection.query<RowDataPacket[]>('SHOW TRIGGERS');
        await connection.end();
        expect(triggers.map((row) => row[0])).toEqual([
          'journal_segments_no_update',
          'journal_segments_no_delete',
        ]);
      }
    });
  });

  describe('a rebuild', () => {
    afterEach(() => harness.cleanup());

    it('refuses to begin, because the proxy renames no tables', async () => {
      const clock = new SettableClock();
      const store = await migrateParcels(await harness.openEmptied({ clock, targets: TARGETS }), clock);
      const rebuild = { rebuildId: 'rebuild-1', foldVersion: 2, columns: PARCELS.columns };
      await expect(store.beginRebuild(rebuild)).rejects.toMatchObject({ code: 'rebuild_refused' });
    });
  });

  describeIngest(harness);
  describeJournal(harness);
  describeLongJournals(harness);
  describeDeliveryClaims(harness);
  describeDeliveryPages(harness);
  describeAsking(harness);
  describeEventSearch(harness);
  if (isWhole) {
    describeBase(harness);
    describeCheckpoints(harness);
    describeQuarantine(harness);
    describeOverview(harness);
    describeDeliveries(harness);
    describeClocks(harness);
    describeSettlements(harness);
    describeSenders(harness);
    describeIdentity(harness);
    describeHolds(harness);
    describeJobs(harness);
    describeDeadLetters(harness);
    describeReconciliation(harness);
    describeSweeps(harness);
    describeVerification(harness);
    describeTraces(harness);
  }
});
