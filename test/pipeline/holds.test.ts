import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../src/core/errors.ts';
import { followHold, HoldWatch } from '../../src/pipeline/holds.ts';
import type { Hold, HoldPart } from '../../src/ports/holds.ts';

const holdOf = (part: HoldPart): Hold => ({ part, heldBy: 'ops', reason: 'a\nreason', heldAtMs: 0 });
const TOPIC: HoldPart = { kind: 'topic', topic: 'a' };
const PARTITION: HoldPart = { kind: 'partition', topic: 'b', partition: 1 };
const TARGET: HoldPart = { kind: 'target', target: 'a' };

function setUp() {
  const clock = new SeededClock({ seed: 1 });
  const logged: string[] = [];
  const book = { holds: [] as Hold[], isAway: false, looks: 0 };
  const store = {
    async listHolds() {
      book.looks++;
      if (book.isAway) throw new TributaryError('store_unreachable', 'It does not answer.');
      return book.holds;
    },
  };
  const watch = new HoldWatch(store, clock, (level, message) => logged.push(`${level}: ${message}`));
  return { clock, logged, book, watch };
}

describe('the watch of holds', () => {
  it('a hold rests what it names, and no other partition and target', async () => {
    const { book, watch } = setUp();
    book.holds = [holdOf(TOPIC), holdOf(PARTITION)];
    await watch.look();
    const partition = (topic: string, number: number) =>
      watch.ofPartition({ topic, partition: number })?.part;
    expect([partition('a', 0), partition('a', 7), partition('b', 1)]).toEqual([TOPIC, TOPIC, PARTITION]);
    expect([partition('b', 0), partition('b', 11), partition('c', 1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([watch.ofIngest(), watch.ofTarget('a'), watch.ofTarget('b')]).toEqual([null, null, null]);

    book.holds = [holdOf(TARGET)];
    await watch.look();
    expect([watch.ofTarget('a')?.part, watch.ofTarget('b')]).toEqual([TARGET, null]);
    expect(partition('a', 0)).toBeUndefined();

    book.holds = [holdOf({ kind: 'ingest' })];
    await watch.look();
    expect([partition('a', 0), partition('c', 1)]).toEqual([{ kind: 'ingest' }, { kind: 'ingest' }]);
    expect(watch.ofTarget('a')).toBeNull();
  });

  it('the holds are read every second, and listeners hear of each change once', async () => {
    const { clock, logged, book, watch } = setUp();
    const stopping = new AbortController();
    let changes = 0;
    watch.onChange(() => changes++);
    const running = watch.run(stopping.signal);
    await clock.advance(3_000);
    expect({ looks: book.looks, changes }).toEqual({ looks: 3, changes: 0 });
    book.holds = [holdOf(TARGET)];
    await clock.advance(3_000);
    expect(changes).toBe(1);
    expect(watch.ofTarget('a')).not.toBeNull();
    book.holds = [];
    await clock.advance(1_000);
    expect(changes).toBe(2);
    expect(logged).toEqual([
      'info: Paused: target a, since 1970-01-01T00:00:00.000Z by ops: a\\u000areason',
      'info: The pause of target a has ended.',
    ]);
    stopping.abort();
    await clock.advance(1);
    await running;
  });

  it('the holds that are known stay while the store does not answer, which is logged once', async () => {
    const { clock, logged, book, watch } = setUp();
    book.holds = [holdOf(TARGET)];
    await watch.look();
    book.isAway = true;
    await expect(watch.look()).rejects.toThrow('does not answer');
    const stopping = new AbortController();
    const running = watch.run(stopping.signal);
    await clock.advance(5_000);
    expect(watch.list()).toHaveLength(1);
    expect(logged.filter((line) => line.startsWith('warn'))).toEqual([
      'warn: Could not read what is paused: It does not answer.',
    ]);
    book.isAway = false;
    book.holds = [];
    await clock.advance(1_000);
    expect(watch.list()).toEqual([]);
    stopping.abort();
    await clock.advance(1);
    await running;
  });

  it('an exchange of one hold for another is a change', async () => {
    const { book, watch } = setUp();
    expect(watch.list()).toEqual([]);
    let changes = 0;
    watch.onChange(() => changes++);
    book.holds = [holdOf(TARGET)];
    await watch.look();
    book.holds = [holdOf(TOPIC)];
    await watch.look();
    expect([changes, watch.list()]).toEqual([2, book.holds]);
  });

  it('each outage of the store is logged once', async () => {
    const { logged, book, watch } = setUp();
    for (let outage = 0; outage < 2; outage++) {
      book.isAway = true;
      await watch.lookOrSay();
      await watch.lookOrSay();
      book.isAway = false;
      await watch.lookOrSay();
    }
    expect(logged).toEqual(Array(2).fill('warn: Could not read what is paused: It does not answer.'));
  });

  it('a mistake of the program ends the watch', async () => {
    const broken = { listHolds: () => Promise.reject(new TypeError('x is no y')) };
    const stopping = new AbortController();
    let sleeps = 0;
    const sleep = async () => {
      if (++sleeps > 3) stopping.abort();
    };
    const watch = new HoldWatch(broken, { sleep }, () => {});
    await expect(watch.run(stopping.signal)).rejects.toThrow('x is no y');
  });

  it('the watch asks the store no more once it is stopped', async () => {
    const { clock, book, watch } = setUp();
    const stopping = new AbortController();
    const running = watch.run(stopping.signal);
    await clock.advance(1_500);
    stopping.abort();
    await clock.advance(5_000);
    await running;
    expect(book.looks).toBe(1);
  });

  it('the watch stops while the store gives no answer', async () => {
    const { clock } = setUp();
    const stopping = new AbortController();
    const watch = new HoldWatch({ listHolds: () => new Promise(() => {}) }, clock, () => {});
    const running = watch.run(stopping.signal);
    await clock.advance(1_000);
    stopping.abort();
    await running;
  });

  it('a delivery rests while its target is on hold, from the start and after each change', async () => {
    const { book, watch } = setUp();
    const calls: string[] = [];
    const deliver = { pause: () => void calls.push('pause'), goOn: () => void calls.push('go on') };
    book.holds = [holdOf(TARGET)];
    await watch.look();
    followHold(deliver, 'a', watch);
    followHold({ pause: () => expect.unreachable(), goOn: () => {} }, 'b', watch);
    expect(calls).toEqual(['pause']);
    book.holds = [];
    await watch.look();
    expect(calls).toEqual(['pause', 'go on']);
  });

  it('a slow look does not bring holds back that a later look found released', async () => {
    const answers: ((holds: Hold[]) => void)[] = [];
    const store = { listHolds: () => new Promise<Hold[]>((resolve) => answers.push(resolve)) };
    const watch = new HoldWatch(store, { sleep: async () => {} }, () => {});
    const looks = [watch.look(), watch.look()];
    await setImmediate();
    // The second look has not begun, so its answer cannot be older than that of the first one.
    expect(answers).toHaveLength(1);
    answers[0]?.([holdOf(TARGET)]);
    await looks[0];
    await setImmediate();
    answers[1]?.([]);
    await looks[1];
    expect(watch.list()).toEqual([]);
  });
});
