import { describe, expect, it } from 'vitest';
import { type LoadRun, runLoad } from '../../../../src/apps/event-producer/load/run.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import { FakeProducer } from '../fake-log.ts';

/** A clock whose time passes only in `sleep`. */
function fakeClock(): Clock & { readonly sleptMs: number[] } {
  let nowMs = 0;
  const sleptMs: number[] = [];
  return {
    sleptMs,
    now: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      sleptMs.push(ms);
      nowMs += ms;
    },
    random: () => 0.5,
    uuid: () => '00000000-0000-4000-8000-000000000000',
  };
}

function loadRun(options: Partial<LoadRun> = {}): LoadRun & { producer: FakeProducer } {
  return {
    producer: new FakeProducer(),
    load: {
      orderTopic: 'order_events',
      paymentTopic: 'payment_events',
      source: null,
      seed: '1',
      count: 1_000,
      orders: 400,
      duplicateRate: 0.1,
      reorderRate: 0,
      malformedRate: 0.01,
      revisionRate: 0,
      unusualIdRate: 0,
    },
    recordsPerSecond: null,
    appendRecordsMax: 64,
    clock: fakeClock(),
    signal: new AbortController().signal,
    onProgress: () => {},
    ...options,
  } as LoadRun & { producer: FakeProducer };
}

describe('publishing a load', () => {
  it('publishes every record once, with few appends in flight', async () => {
    const seen: number[] = [];
    const run = loadRun({ onProgress: (acknowledged) => void seen.push(acknowledged) });
    const { published } = await runLoad(run);
    expect(published).toEqual({ event: 890, late: 0, duplicate: 100, malformed: 10 });
    expect(run.producer.appends.map((records) => records.length)).toEqual([...Array(15).fill(64), 40]);
    expect(run.producer.mostInFlight).toBe(4);
    expect(seen.at(-1)).toBe(1_000);
  });

  it('keeps to its rate from beginning to end', async () => {
    const clock = fakeClock();
    const run = loadRun({ recordsPerSecond: 200, clock });
    const { seconds } = await runLoad(run);
    // The last of 100 appends of 10 records starts after 99 twentieths of a second.
    expect(seconds).toBeCloseTo(4.95, 6);
    expect(Math.max(...clock.sleptMs)).toBeLessThanOrEqual(50.001);
  });

  it('stops at the signal and answers how many records were acknowledged', async () => {
    const stop = new AbortController();
    const run = loadRun({
      signal: stop.signal,
      onProgress: (acknowledged) => {
        if (acknowledged >= 200) stop.abort();
      },
    });
    const { published } = await runLoad(run);
    const records = published.event + published.duplicate + published.malformed;
    expect(records).toBe(run.producer.appends.flat().length);
    expect(records).toBeLessThan(1_000);
  });

  it('ends with the error of the first failed append and sends no more', async () => {
    const run = loadRun();
    run.producer.failAtAppend = 3;
    await expect(runLoad(run)).rejects.toMatchObject({ code: 'log_append_failed' });
    expect(run.producer.appends.length).toBeLessThan(8);
  });
});
