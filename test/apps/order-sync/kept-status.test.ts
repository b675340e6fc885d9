import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { KeptStatus } from '../../../src/apps/order-sync/kept-status.ts';
import type { SharedStatus } from '../../../src/pipeline/status/status.ts';

function statusAt(atMs: number): SharedStatus {
  const failed = { ok: false, code: 'store_unreachable', reason: 'gone' } as const;
  return { atMs, log: failed, store: failed };
}

/** A reader whose answers come when a test says so. */
function open() {
  const clock = new SeededClock({ seed: 1 });
  const asked: PromiseWithResolvers<SharedStatus>[] = [];
  const defects: unknown[] = [];
  const read = () => {
    const answer = Promise.withResolvers<SharedStatus>();
    asked.push(answer);
    return answer.promise;
  };
  const kept = new KeptStatus(read, clock, (error) => defects.push(error));
  return { clock, asked, defects, kept };
}

it('scrapes within a second share one question to log and store', async () => {
  const { clock, asked, kept } = open();
  const scrapes = [kept.latest(), kept.latest()];
  expect(asked).toHaveLength(1);
  asked[0]?.resolve(statusAt(7));
  expect(await Promise.all(scrapes)).toEqual([statusAt(7), statusAt(7)]);
  await clock.advance(999);
  expect(await kept.latest()).toEqual(statusAt(7));
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  const next = kept.latest();
  asked[1]?.resolve(statusAt(8));
  expect(await next).toEqual(statusAt(8));
});

it.each([
  [40, 2_000],
  [900, 5_000],
])('after an answer that took %d ms, log and store rest for %d ms', async (tookMs, restMs) => {
  const { clock, asked, kept } = open();
  const first = kept.latest();
  await clock.advance(tookMs);
  asked[0]?.resolve(statusAt(7));
  await first;
  await clock.advance(restMs - 1);
  await kept.latest();
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  void kept.latest();
  expect(asked).toHaveLength(2);
  asked[1]?.resolve(statusAt(8));
});

it('a scrape waits for an answer for one second, and shows the one before for thirty', async () => {
  const { clock, asked, kept } = open();
  const first = kept.latest();
  asked[0]?.resolve(statusAt(7));
  await first;
  await clock.advance(6_000);
  const answers: (SharedStatus | null)[] = [];
  const scrape = async () => answers.push(await kept.latest());
  void scrape();
  await clock.advance(999);
  expect(answers).toEqual([]);
  await clock.advance(1);
  await setImmediate();
  expect(answers).toEqual([statusAt(7)]);
  await clock.advance(24_000);
  void scrape();
  await clock.advance(1_000);
  await setImmediate();
  expect(answers).toEqual([statusAt(7), null]);
  expect(asked).toHaveLength(2);
});

it('a defect of the reading is told once, and the next scrape asks again', async () => {
  const { clock, asked, defects, kept } = open();
  const first = kept.latest();
  asked[0]?.reject(new TypeError('x is not a function'));
  expect(await first).toBeNull();
  expect(defects).toHaveLength(1);
  await clock.advance(5_000);
  const second = kept.latest();
  asked[1]?.resolve(statusAt(9));
  expect(await second).toEqual(statusAt(9));
});
