import { describe, expect, it } from 'vitest';
import { selectionJson, selectionOf } from '../../../src/pipeline/jobs/quarantine-selection.ts';

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
});
