import { describeStore } from '../../../contract/store.ts';
import { SqliteHarness } from '../harness.ts';

// The thread writes every batch that it may write, however small it is.
describeStore('SQLite with a writer thread', new SqliteHarness('p2_', 1));
