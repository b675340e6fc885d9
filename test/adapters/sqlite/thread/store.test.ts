import { describe } from 'vitest';
import { describeBase } from '../../../contract/store/base.ts';
import { describeCheckpoints } from '../../../contract/store/checkpoints.ts';
import { describeIngest } from '../../../contract/store/ingest.ts';
import { describeJournal } from '../../../contract/store/journal.ts';
import { describeTraces } from '../../../contract/store/traces.ts';
import { SqliteHarness } from '../harness.ts';

// The thread writes every batch that it may write, however small it is. These are the promises of a commit; the others of the
// store do not depend on who writes, and each test of them would wait for a thread to start.
describe('the store on SQLite with a writer thread', () => {
  const harness = new SqliteHarness('p2_', 1);
  describeCheckpoints(harness);
  describeIngest(harness);
  describeBase(harness);
  describeJournal(harness);
  describeTraces(harness);
});
