import { isDefect } from '../../core/errors.ts';
import type { AskedLog } from '../../pipeline/ask/parts.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';

/** A log that has not answered for this long is not waited for: the answer then says less. */
const DEADLINE_MS = 2_500;

/** A log that questions ask in passing. `open` is called with the first look. */
export function askedLog(open: () => Promise<Pick<EventLog, 'peek'>>, clock: Pick<Clock, 'sleep'>): AskedLog {
  return {
    async peek(from) {
      const over = new AbortController();
      const looked = open().then((log) => log.peek(from));
      // The race is over before a late failure, which then says nothing.
      looked.catch(() => undefined);
      try {
        return await Promise.race([looked, clock.sleep(DEADLINE_MS, over.signal).then(() => null)]);
      } catch (error) {
        if (isDefect(error)) throw error;
        return null;
      } finally {
        over.abort();
      }
    },
  };
}
