import { describe, expect, it } from 'vitest';
import {
  isEmptyQuarantineFilter,
  QUARANTINE_FILTER_NAMES,
  QuarantineFilterFault,
  quarantineFilterOf,
  recordFilterOf,
} from '../../../src/apps/order-sync/quarantine-filter.ts';
import {
  quarantineFilterFrom,
  recordFrom,
  selectionFrom,
} from '../../../src/apps/order-sync/quarantine-options.ts';

const ALL = {
  topic: 'order_events',
  reason: 'json_invalid',
  partition: '0',
  fromOffset: '0',
  beforeOffset: '9',
  since: '2026-01-01T00:00:00Z',
  before: '2026-01-02T00:00:00Z',
};
const RECORD = { topic: 'order_events', partition: 3, fromOffset: 1_204n, beforeOffset: 1_205n };

/** The name of the part that is wrong, with what is said of it. */
function faultOf(given: Parameters<typeof quarantineFilterOf>[0]): string {
  try {
    quarantineFilterOf(given);
  } catch (error) {
    if (error instanceof QuarantineFilterFault) return `${error.part} ${error.message}`;
    throw error;
  }
  return 'none';
}

describe('a filter of quarantined records', () => {
  it('reads each of its parts', () => {
    expect(quarantineFilterOf(ALL)).toEqual({
      topic: 'order_events',
      reason: 'json_invalid',
      partition: 0,
      fromOffset: 0n,
      beforeOffset: 9n,
      sinceMs: Date.UTC(2026, 0, 1),
      beforeMs: Date.UTC(2026, 0, 2),
    });
  });

  it('counts as empty only without any part, the partition and the offset 0 included', () => {
    expect(isEmptyQuarantineFilter(quarantineFilterOf({}))).toBe(true);
    for (const name of QUARANTINE_FILTER_NAMES)
      expect(isEmptyQuarantineFilter(quarantineFilterOf({ [name]: ALL[name] }))).toBe(false);
  });

  it.each([
    ['topic', 'a b', 'topic is the name of a topic'],
    ['reason', 'json_invalit', 'reason is no reason: did you mean json_invalid?'],
    ['reason', 'quux', 'reason is no reason: docs/quarantine.md has them all'],
    ['partition', '-1', 'partition is the number of a partition'],
    ['fromOffset', '1.5', 'fromOffset is an offset'],
    ['beforeOffset', 'end', 'beforeOffset is an offset'],
    ['since', '2026-01-01', 'since is a moment of RFC 3339'],
    ['before', 'yesterday', 'before is a moment of RFC 3339'],
  ] as const)('refuses as %s the text %j', (part, text, fault) => {
    expect(faultOf({ ...ALL, [part]: text }).slice(0, fault.length)).toBe(fault);
  });
});

describe('the name of a record', () => {
  it('selects exactly this record', () => {
    expect(recordFilterOf('order_events/3/1204')).toEqual(RECORD);
    expect(recordFrom('order_events/3/1204')).toEqual(RECORD);
  });

  it.each([
    '',
    'order_events',
    'order_events/3',
    'order_events/3/',
    'order_events/x/1',
    'a b/3/1',
    'a/3/1/2',
  ])('recordFilterOf refuses %j', (name) => {
    expect(recordFilterOf(name)).toBeNull();
    expect(() => recordFrom(name)).toThrow('give topic, partition and offset, as in order_events/3/1204');
  });
});

describe('the selection of a command', () => {
  const selected = (words: readonly string[], options: Record<string, string | boolean> = {}) =>
    selectionFrom({ arguments: words, options });

  it('selectionFrom takes the records that are named, or those of a filter, or all', () => {
    expect(selected(['order_events/3/1204', 'order_events/3/1204'])).toEqual([RECORD, RECORD]);
    expect(selected([], { refusedFor: 'key_missing' })).toMatchObject([{ reason: 'key_missing' }]);
    expect(selected([], { all: true })).toEqual([quarantineFilterOf({})]);
  });

  it.each([
    [[], {}],
    [['order_events/3/1204'], { topic: 'order_events' }],
    [['order_events/3/1204'], { all: true }],
    [[], { all: true, topic: 'order_events' }],
  ])('selectionFrom refuses the words %j with the options %j', (words, options) => {
    expect(() => selected(words, options)).toThrow('one of the three');
  });
});

describe('the options of a filter', () => {
  it('take the reason of the records from the option that the command has for it', () => {
    const input = { arguments: [], options: { reason: 'key_missing', refusedFor: 'json_invalid' } };
    expect(quarantineFilterFrom(input).reason).toBe('json_invalid');
    expect(quarantineFilterFrom(input, 'reason').reason).toBe('key_missing');
  });

  it.each([
    ['refusedFor', 'refusedFor', '--refused-for "x": it is no reason'],
    ['reason', 'reason', '--reason "x": it is no reason'],
    ['fromOffset', 'refusedFor', '--from-offset "x": it is an offset'],
  ] as const)('name the flag of %s with the value that is wrong', (name, reasonOption, message) => {
    const input = { arguments: [], options: { [name]: 'x' } };
    expect(() => quarantineFilterFrom(input, reasonOption)).toThrow(message);
  });
});
