import { describe, expect, it } from 'vitest';
import {
  filterJson,
  isSelectedBy,
  selectionJson,
  selectionOf,
} from '../../../src/pipeline/jobs/quarantine-selection.ts';
import type { JsonObject } from '../../../src/ports/jobs.ts';
import type { QuarantinedRecord, QuarantineFilter } from '../../../src/ports/quarantine.ts';

describe('a selection of quarantined records', () => {
  it('a selection is read as it was written, with offsets of any size', () => {
    const selection = [
      {
        topic: 'order_events',
        reason: 'key_missing',
        partition: 3,
        fromOffset: 2n ** 53n + 1n,
        beforeOffset: 2n ** 62n,
        sinceMs: Date.UTC(2026, 0, 1, 0, 0, 0, 5),
        beforeMs: Date.UTC(2026, 0, 2),
      },
      {},
    ];
    const json = JSON.parse(JSON.stringify(selectionJson(selection)));
    expect(json.filters[1]).toEqual({});
    expect(selectionOf(json)).toEqual(selection);
  });

  it.each([
    null,
    {},
    { filters: {} },
    { filters: [null] },
    { filters: [[]] },
    { filters: [{ topik: 'a' }] },
    { filters: [{ topic: 3 }] },
    { filters: [{ partition: '3' }] },
    { filters: [{ fromOffset: 'x' }] },
    { filters: [{ since: 'today' }] },
  ])('no selection is read from %j', (json) => {
    expect(selectionOf(json)).toBeNull();
  });

  it.each([
    { filters: ['order_events'] },
    { filters: [7] },
    { filters: [true] },
    { filters: [{}, { topic: null }] },
    { filters: [{ reason: 3 }] },
    { filters: [{ partition: 1.5 }] },
    { filters: [{ fromOffset: 7 }] },
    { filters: [{ beforeOffset: 7 }] },
    { filters: [{ beforeOffset: '-1' }] },
    { filters: [{ fromOffset: '7 ' }] },
    { filters: [{ fromOffset: ' 7' }] },
    { filters: [{ fromOffset: '' }] },
    { filters: [{ fromOffset: '12345678901234567890' }] },
    { filters: [{ since: 5 }] },
    { filters: [{ before: '2026-13-01T00:00:00Z' }] },
  ])('no selection is read from the altered %j', (json) => {
    expect(selectionOf(json as unknown as JsonObject)).toBeNull();
  });

  it('a selection may have no filter, or filters without a limit', () => {
    expect(selectionOf({ filters: [] })).toEqual([]);
    expect(selectionOf({ filters: [{}, { partition: 0, fromOffset: '0' }] })).toEqual([
      {},
      { partition: 0, fromOffset: 0n },
    ]);
  });
});

describe('a filter of quarantined records', () => {
  const record: QuarantinedRecord = {
    topic: 'order_events',
    partition: 3,
    offset: 40n,
    reason: 'key_missing',
    detail: 'It has no key.',
    key: null,
    value: null,
    valueLength: 0,
    valueHash: '',
    headers: Buffer.from('[]'),
    observedAtMs: 1_000,
  };

  it.each<[QuarantineFilter, boolean]>([
    [{}, true],
    [{ topic: 'order_events' }, true],
    [{ topic: 'payment_events' }, false],
    [{ reason: 'key_missing' }, true],
    [{ reason: 'json_invalid' }, false],
    [{ partition: 3 }, true],
    [{ partition: 0 }, false],
    [{ fromOffset: 40n }, true],
    [{ fromOffset: 41n }, false],
    [{ beforeOffset: 41n }, true],
    [{ beforeOffset: 40n }, false],
    [{ sinceMs: 1_000 }, true],
    [{ sinceMs: 1_001 }, false],
    [{ beforeMs: 1_001 }, true],
    [{ beforeMs: 1_000 }, false],
    [{ topic: 'order_events', reason: 'json_invalid', partition: 3 }, false],
  ])('%o selects the record: %s', (filter, isSelected) => {
    expect(isSelectedBy(filter, record)).toBe(isSelected);
  });

  it('gives the names of the HTTP API as JSON, and leaves out what it does not limit', () => {
    expect(filterJson({})).toStrictEqual({});
    expect(filterJson({ topic: 'a', fromOffset: 1n, beforeOffset: 2n, sinceMs: 0, beforeMs: 1 })).toEqual({
      topic: 'a',
      fromOffset: '1',
      beforeOffset: '2',
      since: '1970-01-01T00:00:00.000Z',
      before: '1970-01-01T00:00:00.001Z',
    });
  });
});
