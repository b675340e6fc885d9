import { describe, expect, it } from 'vitest';
import { Watchdog } from '../../../src/pipeline/ingest/watchdog.ts';

const ORDERS = { topic: 'order_events', partition: 3 };
const PAYMENTS = { topic: 'payment_events', partition: 3 };

function setUp() {
  const logged: string[] = [];
  const watchdog = new Watchdog({ sleep: async () => {} }, (level, message) =>
    logged.push(`${level}: ${message}`),
  );
  /** So many looks, a second apart. */
  const look = (seconds: number, committed: bigint, end: bigint) => {
    for (let second = 0; second < seconds; second++)
      watchdog.look([{ ...ORDERS, committed }], [{ ...ORDERS, offset: end }]);
  };
  return { watchdog, logged, look };
}

const never = new Promise<never>(() => {});

describe('the watchdog', () => {
  it('says nothing of a partition that has reached the end of the log', () => {
    const { watchdog, logged, look } = setUp();
    look(100, 7n, 7n);
    expect(watchdog.stuck()).toEqual([]);
    expect(logged).toEqual([]);
  });

  it('says nothing of a partition that moves, however far behind', () => {
    const { watchdog, look } = setUp();
    for (let offset = 0n; offset < 30n; offset++) look(10, offset, 1_000n);
    expect(watchdog.stuck()).toEqual([]);
  });

  it('reports a partition whose records are not read for 15 s', () => {
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

  it('logs a standstill once, and its end', () => {
    const { watchdog, logged, look } = setUp();
    look(60, 7n, 9n);
    expect(logged).toHaveLength(1);
    look(1, 8n, 9n);
    expect(logged).toEqual([logged[0], 'info: order_events/3 moves again, at offset 8']);
    expect(watchdog.stuck()).toEqual([]);
  });

  it('reports a commit that the store does not answer, even where the end of the log is not known', () => {
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

  it('names the failure of a commit that fails again and again', async () => {
    const { watchdog, look } = setUp();
    for (let attempt = 0; attempt < 20; attempt++) {
      look(1, 7n, 9n);
      await expect(
        watchdog.follow([ORDERS], Promise.reject(new Error('the disk is full'))),
      ).rejects.toThrow();
    }
    expect(watchdog.stuck()[0]?.reason).toMatch(/19 s: the disk is full$/);
  });

  it('forgets the failure of a commit once one was answered', async () => {
    const { watchdog, look } = setUp();
    await watchdog.follow([ORDERS], Promise.reject(new Error('the disk is full'))).catch(() => {});
    expect(await watchdog.follow([ORDERS], Promise.resolve('committed'))).toBe('committed');
    look(20, 7n, 9n);
    expect(watchdog.stuck()[0]?.reason).toMatch(/they are not read$/);
  });

  it('forgets a partition that went to another instance', () => {
    const { watchdog, look } = setUp();
    look(20, 7n, 9n);
    watchdog.look([], [{ ...ORDERS, offset: 9n }]);
    expect(watchdog.stuck()).toEqual([]);
    look(10, 7n, 9n);
    expect(watchdog.stuck()).toEqual([]);
  });

  it('does not count the time for which its process was stopped', async () => {
    const logged: string[] = [];
    const stopping = new AbortController();
    let slept = 0;
    const clock = {
      sleep: async () => {
        // The second sleep takes an hour: the process is stopped meanwhile.
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
