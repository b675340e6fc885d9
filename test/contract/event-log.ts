import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { describeAppending } from './event-log-appending.ts';
import { describeFamilies } from './event-log-families.ts';
import { describeGroupStores } from './event-log-group-stores.ts';
import { describeGroups } from './event-log-groups.ts';
import { type EventLogCapabilities, type EventLogHarness, EventLogSuite } from './event-log-harness.ts';
import { describePeek } from './event-log-peek.ts';
import { describeReading } from './event-log-reading.ts';
import { describeRecords } from './event-log-records.ts';

export type { EventLogCapabilities, EventLogHarness } from './event-log-harness.ts';

/** Tests the promises of `src/ports/event-log.ts`. Every adapter passes them. */
export function describeEventLog(
  name: string,
  open: () => Promise<EventLogHarness>,
  capabilities: EventLogCapabilities,
): void {
  const { timeoutMs } = capabilities;
  const suite = new EventLogSuite(capabilities);

  describe(`event log: ${name}`, { timeout: timeoutMs * 3 }, () => {
    beforeAll(async () => {
      suite.opened = await open();
    }, timeoutMs);
    afterEach(() => suite.closeMembers(), timeoutMs);
    afterAll(() => suite.opened?.cleanup(), timeoutMs);

    describeAppending(suite);
    describeFamilies(suite);
    describeReading(suite);
    describePeek(suite);
    describeRecords(suite);
    describeGroups(suite);
    describeGroupStores(suite);
  });
}
