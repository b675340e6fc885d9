import { systemClock } from '../../../src/adapters/system-clock.ts';
import { SqliteHarness } from '../../adapters/sqlite/harness.ts';
import { MemoryHarness } from '../../simulation/memory-store/harness.ts';
import { describeNewColumns } from './new-columns.ts';

describeNewColumns('SQLite', new SqliteHarness());
describeNewColumns('a simulated database', new MemoryHarness(systemClock));
