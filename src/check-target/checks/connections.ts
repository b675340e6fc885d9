import { ACCEPTED, type Check } from '../check.ts';
import { fault, notChecked, pass } from '../faults.ts';
import { ANSWER_BYTES_MAX, describe, isOk } from '../http-client.ts';

const IN_A_ROW = 4;
/** A target that keeps connections for no longer gets many of them, when orders come now and then. */
const SHORT_SECONDS = 2;
const CLOCK_SECONDS_MAX = 60;

/** Checks how the target behaves as a server. They come last, because they look at all requests of the run. */
export const connectionChecks: readonly Check[] = [
  {
    name: 'keep_alive',
    needs: [ACCEPTED],
    async run(probe) {
      const { observed } = probe.client;
      const before = observed.connections;
      for (let number = 1; number <= IN_A_ROW; number++) {
        const answer = await probe.deliver(probe.state(`in-a-row-${number}`, 1));
        if (!isOk(answer)) return fault('state_refused', describe(answer));
      }
      const made = observed.connections - before;
      const seen = `${made} new connections for ${IN_A_ROW} requests in a row`;
      if (made > 1) return fault('connections_not_kept', seen);
      const seconds = observed.keepAliveSeconds;
      return seconds !== null && seconds <= SHORT_SECONDS
        ? fault(
            'keep_alive_short',
            `${seen}; the target keeps one for ${seconds} s, by its header Keep-Alive`,
          )
        : pass(seen);
    },
  },
  {
    name: 'answers',
    needs: [ACCEPTED],
    async run({ client: { observed }, deadlineMs }) {
      const { requests, slowestMs, largestBytes } = observed;
      if (largestBytes > ANSWER_BYTES_MAX) {
        return fault('answer_too_large', `an answer of more than ${ANSWER_BYTES_MAX} bytes`);
      }
      const seen = `${requests} answers, the slowest in ${slowestMs} ms, the largest of ${largestBytes} bytes`;
      return slowestMs > deadlineMs / 2 ? fault('answer_slow', seen) : pass(seen);
    },
  },
  {
    name: 'clock',
    needs: [ACCEPTED],
    async run({ client: { observed } }) {
      if (observed.clockAheadMs === null) return notChecked('no answer has a Date');
      const seconds = Math.round(observed.clockAheadMs / 1_000);
      const seen = `by its Date the target's clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead'}`;
      // A Date has no fractions of a second, so a difference of 1 s means nothing.
      if (Math.abs(seconds) <= 1) return pass("by its Date the target's clock is right");
      return Math.abs(seconds) > CLOCK_SECONDS_MAX ? fault('clock_differs', seen) : pass(seen);
    },
  },
];
