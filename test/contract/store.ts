import { describe } from 'vitest';
import { describeAsking } from './store/asking.ts';
import { describeBase } from './store/base.ts';
import { describeCheckpoints } from './store/checkpoints.ts';
import { describeClocks } from './store/clocks.ts';
import { describeColumnTypes } from './store/column-types.ts';
import { describeDeadLetters } from './store/dead-letters.ts';
import { describeDeliveries } from './store/deliveries.ts';
import { describeDeliveryClaims } from './store/delivery-claims.ts';
import { describeDeliveryPages } from './store/delivery-pages.ts';
import { describeEventSearch } from './store/event-search.ts';
import type { StoreHarness } from './store/fixtures.ts';
import { describeHolds } from './store/holds.ts';
import { describeIdentity } from './store/identity.ts';
import { describeIngest } from './store/ingest.ts';
import { describeJobs } from './store/jobs.ts';
import { describeJournal } from './store/journal.ts';
import { describeLongJournals } from './store/long-journals.ts';
import { describeMigration } from './store/migration.ts';
import { describeNaming } from './store/naming.ts';
import { describeOverview } from './store/overview.ts';
import { describeOwnView } from './store/own-view.ts';
import { describeQuarantine } from './store/quarantine.ts';
import { describeRebuild } from './store/rebuild.ts';
import { describeReconciliation } from './store/reconciliation.ts';
import { describeSenders } from './store/senders.ts';
import { describeSettlements } from './store/settlements.ts';
import { describeSweeps } from './store/sweeps.ts';
import { describeTraces } from './store/traces.ts';
import { describeVerification } from './store/verification.ts';

export type { OriginalOrder, StoreHarness, StoreSettings } from './store/fixtures.ts';

/** The promises of the store port, as tests that every adapter runs. */
export function describeStore(name: string, harness: StoreHarness): void {
  describe(`the store on ${name}`, () => {
    describeMigration(harness);
    describeOwnView(harness);
    describeColumnTypes(harness);
    describeNaming(harness);
    describeCheckpoints(harness);
    describeIngest(harness);
    describeBase(harness);
    describeJournal(harness);
    describeLongJournals(harness);
    describeQuarantine(harness);
    describeOverview(harness);
    describeDeliveries(harness);
    describeDeliveryClaims(harness);
    describeDeliveryPages(harness);
    describeClocks(harness);
    describeSettlements(harness);
    describeSenders(harness);
    describeIdentity(harness);
    describeHolds(harness);
    describeJobs(harness);
    describeDeadLetters(harness);
    describeReconciliation(harness);
    describeSweeps(harness);
    describeRebuild(harness);
    describeVerification(harness);
    describeTraces(harness);
    describeAsking(harness);
    describeEventSearch(harness);
  });
}
