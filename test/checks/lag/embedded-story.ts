/** The story on the embedded log, which has one kind of time, no transactions and no compaction. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { RunningCheck } from '../lib/command.ts';
import type { Program } from '../lib/programs.ts';
import { waitFor } from '../lib/waiting.ts';
import type { Answers, Expected } from './answers.ts';
import { createdEvent } from './events.ts';

const TOPICS = ['order_events', 'payment_events'] as const;
const WAIT_MS = 60_000;

export interface EmbeddedPlace {
  readonly check: RunningCheck;
  readonly folder: string;
  readonly partitions: number;
  readonly orderSync: Program;
  readonly answers: Answers;
}

/** Plays the story. order-sync has not been started yet, and runs at the end. */
export async function playOnEmbeddedLog(place: EmbeddedPlace): Promise<void> {
  const { check, folder, orderSync, answers } = place;
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
  const producer = log.producer();
  check.defer(() => log.close());
  const append = async (orderId: string) => {
    const [found] = await producer.append([{ topic: TOPICS[0], ...createdEvent(orderId), headers: [] }]);
    if (found === undefined) throw new Error('The record has no offset.');
    return { ...found, atMs: Date.now() };
  };
  const drained = () =>
    waitFor(
      { what: 'order-sync to read everything', pauseMs: 100, timeoutMs: WAIT_MS, signal: check.signal },
      async () => ((await answers.isDrained(allRead(place).map(({ name }) => name))) ? true : undefined),
    );

  orderSync.start();
  await orderSync.ready();
  await append('lag-1');
  await drained();
  await answers.compare('after the first start', allRead(place), { isRunning: true, verdict: 'ok' });

  await orderSync.stop();
  const oldest = await append('lag-1');
  await sleep(1_500, undefined, { signal: check.signal });
  await append('lag-1');
  const behind = allRead(place, `${TOPICS[0]}/${oldest.partition}`, {
    oldestMs: oldest.atMs,
    clock: 'log_append',
  });
  await answers.compare('a backlog while order-sync is stopped', behind, { isRunning: false, verdict: 'ok' });

  const left = await append('lag-1');
  await log.deleteRecords(left, left.offset);
  orderSync.start();
  const name = `${TOPICS[0]}/${left.partition}`;
  await waitFor(
    { what: 'the partition to halt', pauseMs: 100, timeoutMs: WAIT_MS, signal: check.signal },
    async () => {
      const answer = await fetch(`http://127.0.0.1:${orderSync.port}/readyz`).catch(() => null);
      return ((await answer?.text()) ?? '').includes(name) ? true : undefined;
    },
  );
  const halted = allRead(place, name, { oldestMs: left.atMs, clock: 'log_append', isHalted: true });
  await answers.compare('a partition is halted', halted, { isRunning: true, verdict: 'needs_attention' });
}

/** Everything is read, apart from one partition. */
function allRead(
  { partitions }: EmbeddedPlace,
  name = '',
  other: Omit<Expected, 'name'> = { oldestMs: null },
): Expected[] {
  return TOPICS.flatMap((topic) =>
    Array.from({ length: partitions }, (_, partition) => {
      const each = `${topic}/${partition}`;
      return { name: each, ...(each === name ? other : { oldestMs: null }) };
    }),
  );
}
