import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { StoreSession } from '../../src/testing/memory-store/index.ts';
import { describeStore } from '../contract/store.ts';
import { MemoryHarness } from './memory-store/harness.ts';

describeStore('a simulated database', new MemoryHarness(systemClock));

/** A session whose statements and answers take one turn of the event loop each. */
const slowSession = (): StoreSession => ({
  statement: () => setImmediate(),
  answered: () => setImmediate(),
});

describeStore('a simulated database behind a network', new MemoryHarness(systemClock, slowSession));
