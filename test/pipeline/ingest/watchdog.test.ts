import { describe, expect, it } from 'vitest';
import { Watchdog } from '../../../src/pipeline/ingest/watchdog.ts';

const ORDERS = { topic: 'order_events', partition: 3 };
const PAYMENTS = { topic: 'payment_events', partition: 3 };

function setUp() {
  const logged: string[] = [];
  const watchdog = new Watchdog({ sleep: async () => {} }, (level, message) =>
    logged.push(`${level}: ${message}`),
  );
  /** Looks at the partition once a second. */
  const look = (seconds: number, committed: bigint, end: bigint) => {
    for (let second = 0; second < seconds; second++)
      watchdog.look([{ ...ORDERS, committed }], [{ ...ORDERS, offset: end }]);
  };
  return { watchdog, logged, look };
}

const never = new Promise<never>(() => {});

describe('the watchdog', () => {
  it('a partition at the end of the log is not reported', () => {
    const { watchdog, logged, look } = setUp();
    look(100, 7n, 7n);
    expect(watchdog.stuck()).toEqual([]);
    expect(logged).toEqual([]);
  });

  it('a partition that moves is not reported, however far behind it is', () => {
    const { watchdog, look } = setUp();
    for (let offset = 0n; offset < 30n; offset++) look(10, offset, 1_000n);
    expect(watchdog.stuck()).toEqual([]);
  });

  it('a partition whose records are not read for 15 s is reported', () => {
    const { watchdog, logged, look } = setUp();
    look(15, 7n, 9n);
    expect(watchdog.stuck()).toEqual([]);
    look(1, 7n, 9n);
    expect(watchdog.stuck()).toEqual([
      {
        name: 'order_events/3',
        reason:
          'order_events/3 has not moved from offset 7 for 15 s: the log has more records of it, and they are not read',
      },
    ]);
    expect(logged).toHaveLength(1);
  });

  it('a standstill is logged once, and its end', () => {
    const { watchdog, logged, look } = setUp();
    look(60, 7n, 9n);
    expect(logged).toHaveLength(1);
    look(1, 8n, 9n);
    expect(logged).toEqual([logged[0], 'info: order_events/3 moves again, at offset 8']);
    expect(watchdog.stuck()).toEqual([]);
  });

  it('a commit that the store does not answer is reported, even if the end of the log is not known', () => {
    const { watchdog } = setUp();
    void watchdog.follow([ORDERS], never);
    for (let second = 0; second < 18; second++)
      watchdog.look(
        [
          { ...ORDERS, committed: 7n },
          { ...PAYMENTS, committed: 2n },
        ],
        [],
      );
    expect(watchdog.stuck()).toEqual([
      {
        name: 'order_events/3',
        reason: 'order_events/3 has not moved from offset 7 for 17 s: the store does not answer a commit',
      },
    ]);
  });

  it('the error of a commit that fails again and again is reported', async () => {
    const { watchdog, look } = setUp();
    for (let attempt = 0; attempt < 20; attempt++) {
      look(1, 7n, 9n);
      await expect(
        watchdog.follow([ORDERS], Promise.reject(new Error('the disk is full'))),
      ).rejects.toThrow();
    }
    expect(watchdog.stuck()[0]?.reason).toMatch(/19 s: the disk is full$/);
  });

  it('the error of a commit is forgotten once a commit was answered', async () => {
    const { watchdog, look } = setUp();
    await watchdog.follow([ORDERS], Promise.reject(new Error('the disk is full'))).catch(() => {});
    expect(await watchdog.follow([ORDERS], Promise.resolve('committed'))).toBe('committed');
    look(20, 7n, 9n);
    expect(watchdog.stuck()[0]?.reason).toMatch(/they are not read$/);
  });

  it('a partition that another instance owns now is forgotten', () => {
    const { watchdog, look } = setUp();
    look(20, 7n, 9n);
    watchdog.look([], [{ ...ORDERS, offset: 9n }]);
    expect(watchdog.stuck()).toEqual([]);
    look(10, 7n, 9n);
    expect(watchdog.stuck()).toEqual([]);
  });

  it('the time for which the process was stopped does not count', async () => {
    const logged: string[] = [];
    const stopping = new AbortController();
    let slept = 0;
    const clock = {
      sleep: async () => {
        // The second wait takes an hour, as if the process had been stopped.
        if (++slept === 10) stopping.abort();
      },
    };
    const watchdog = new Watchdog(clock, (_level, message) => logged.push(message));
    await watchdog.run(
      () => [{ ...ORDERS, committed: 7n }],
      () => [{ ...ORDERS, offset: 9n }],
      stopping.signal,
    );
    expect(slept).toBe(10);
    expect(watchdog.stuck()).toEqual([]);
    expect(logged).toEqual([]);
  });
});
