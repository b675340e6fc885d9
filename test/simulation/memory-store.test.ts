import { systemClock } from '../../src/adapters/system-clock.ts';
import { describeStore } from '../contract/store.ts';
import { MemoryHarness } from './memory-store/harness.ts';

describeStore('a simulated database', new MemoryHarness(systemClock));
