import { describeStore } from '../../contract/store.ts';
import { SqliteHarness } from './harness.ts';

// Without a prefix every statement stays as it is written, so the contract runs with one. All other tests have none.
describeStore('SQLite', new SqliteHarness('p2_'));
