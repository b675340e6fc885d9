import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createShutdown } from '../../../../src/apps/shared/process/shutdown.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open() {
  const signals = new EventEmitter();
  const exits: number[] = [];
  const lines: string[] = [];
  const shutdown = createShutdown({
    logger: (level, message) => void lines.push(`${level}: ${message}`),
    signals,
    exit: (code) => void exits.push(code),
    deadlineMs: 5_000,
  });
  return { shutdown, signals, exits, lines };
}

describe('shutdown', () => {
  it('asks the work to return at the first signal, and closes nothing yet', async () => {
    const { shutdown, signals, exits } = open();
    const close = vi.fn();
    shutdown.defer('it', close);
    signals.emit('SIGTERM');
    await shutdown.requested;
    expect(shutdown.signal.aborted).toBe(true);
    expect(close).not.toHaveBeenCalled();
    expect(exits).toEqual([]);
  });

  it('ends the process at once at the second signal', () => {
    const { signals, exits } = open();
    signals.emit('SIGINT');
    signals.emit('SIGTERM');
    expect(exits).toEqual([143]);
  });

  it('ends the process when the deadline after the signal is over', () => {
    const { signals, exits, lines } = open();
    signals.emit('SIGTERM');
    vi.advanceTimersByTime(4_999);
    expect(exits).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(exits).toEqual([143]);
    expect(lines.at(-1)).toContain('Not stopped after 5000 ms');
  });

  it('closes parts in reverse, goes on after a failure, and closes parts that are deferred meanwhile', async () => {
    const { shutdown, lines } = open();
    const closed: string[] = [];
    shutdown.defer('first', () => void closed.push('first'));
    shutdown.defer('second', () => {
      closed.push('second');
      shutdown.defer('late', () => void closed.push('late'));
      throw new Error('stuck');
    });
    await Promise.all([shutdown.stop(), shutdown.stop()]);
    expect(closed).toEqual(['second', 'late', 'first']);
    expect(lines).toEqual(['warn: Closing second failed: stuck']);
  });

  it('leaves neither timers nor listeners behind', async () => {
    const { shutdown, signals, exits } = open();
    await shutdown.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(signals.listenerCount('SIGINT') + signals.listenerCount('SIGTERM')).toBe(0);
    expect(shutdown.exitCode()).toBeNull();
    expect(exits).toEqual([]);
  });
});
