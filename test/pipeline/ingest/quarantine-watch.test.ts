import { describe, expect, it } from 'vitest';
import { QuarantineWatch } from '../../../src/pipeline/ingest/quarantine-watch.ts';
import type { QuarantinedRecord } from '../../../src/ports/quarantine.ts';

function refused(offset: bigint, reason = 'json_invalid', topic = 'order_events'): QuarantinedRecord {
  const bytes = new Uint8Array();
  return {
    ...{ topic, partition: 3, offset, reason, detail: 'The body is not JSON.' },
    ...{ key: bytes, value: bytes, valueLength: 0, valueHash: '00', headers: bytes, observedAtMs: 0 },
  };
}

function setUp() {
  let nowMs = 0;
  const logged: { readonly atSecond: number; readonly line: string }[] = [];
  const over = new AbortController();
  const clock = {
    monotonicMs: () => nowMs,
    sleep: (ms: number) => {
      nowMs += ms;
      return Promise.resolve();
    },
  };
  const watch = new QuarantineWatch(clock, (level, message) =>
    logged.push({ atSecond: nowMs / 1_000, line: `${level}: ${message}` }),
  );
  const commit = (rejected: readonly QuarantinedRecord[], events = 0, topic = 'order_events') =>
    watch.committed([{ topic, rejected, events: { length: events } }]);
  /** Lets seconds pass, with a commit in each of them. */
  const pass = (seconds: number, each: (second: number) => void = () => {}) => {
    for (let second = 0; second < seconds; second++) {
      each(second);
      nowMs += 1_000;
      watch.look();
    }
  };
  return { watch, logged, commit, pass, over, lines: () => logged.map(({ line }) => line) };
}

describe('the quarantine watch', () => {
  it('refused records are logged within a second: how many, of which topic, why, where, and what to do', () => {
    const { commit, pass, logged } = setUp();
    commit([refused(17n), refused(18n), refused(19n, 'key_missing')]);
    pass(1);
    expect(logged).toEqual([
      {
        atSecond: 1,
        line:
          'warn: 3 records were refused and put into quarantine: 2 of order_events for json_invalid (as at order_events/3 ' +
          'offset 17: The body is not JSON); 1 of order_events for key_missing (as at order_events/3 offset 19: The body is not JSON). ' +
          'List them with "order-sync quarantine"; docs/quarantine.md has a remedy for each reason.',
      },
    ]);
  });

  it('refused records are logged some ten times in ten minutes, however many there are, and none is left out', () => {
    const { commit, pass, lines } = setUp();
    pass(600, (second) => commit([refused(BigInt(second))], 1));
    pass(60);
    expect(lines().length).toBeGreaterThanOrEqual(10);
    expect(lines().length).toBeLessThanOrEqual(11);
    const said = lines().map((line) => Number(/^warn: (\d+|A) record/.exec(line)?.[1]?.replace('A', '1')));
    expect(said.reduce((sum, records) => sum + records, 0)).toBe(600);
  });

  it('refused records that were not logged yet are logged at the end', async () => {
    const { watch, commit, pass, over, lines } = setUp();
    commit([refused(1n)], 1);
    pass(1);
    commit([refused(2n), refused(3n)], 1);
    over.abort();
    await watch.run(over.signal);
    expect(lines()[1]).toContain('2 records were refused');
  });

  it('a topic of which nothing is accepted is logged after 15 s and ten records, and again each ten minutes', () => {
    const { watch, commit, pass, logged } = setUp();
    pass(14, (second) => commit([refused(BigInt(second))]));
    expect(watch.warnings()).toEqual([]);
    pass(650, (second) => commit([refused(BigInt(second + 14))]));
    const errors = logged.filter(({ line }) => line.startsWith('error:'));
    expect(errors.map(({ atSecond }) => atSecond)).toEqual([15, 615]);
    expect(errors[0]?.line).toContain('Nothing of order_events has been accepted for 15 s');
    expect(watch.warnings()).toEqual([
      expect.stringContaining('Nothing of order_events has been accepted for 664 s'),
    ]);
  });

  it('a topic of which anything is accepted is not logged as refused, and its first event ends the trouble', () => {
    const { watch, commit, pass, lines } = setUp();
    pass(30, (second) => commit([refused(BigInt(second))], 0, 'order_events'));
    pass(30, (second) =>
      commit([refused(BigInt(second), 'key_missing', 'payment_events')], 1, 'payment_events'),
    );
    expect(watch.warnings()).toHaveLength(1);
    commit([], 1);
    expect(watch.warnings()).toEqual([]);
    expect(lines().at(-1)).toBe('info: Records of order_events are accepted again, after 30 refused ones.');
  });

  it('a few refused records do not count as trouble of their producer, however long nothing else comes', () => {
    const { watch, commit, pass } = setUp();
    commit([refused(1n), refused(2n)]);
    pass(3_600);
    expect(watch.warnings()).toEqual([]);
  });
});
