import { describeStore } from '../../contract/store.ts';
import { SqliteHarness } from './harness.ts';

describeStore('SQLite', new SqliteHarness());
