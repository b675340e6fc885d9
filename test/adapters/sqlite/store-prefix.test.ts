import { describeStore } from '../../contract/store.ts';
import { SqliteHarness } from './harness.ts';

describeStore('SQLite with a prefix', new SqliteHarness('p2_'));
