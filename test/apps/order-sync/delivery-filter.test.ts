import { describe, expect, it } from 'vitest';
import {
  FILTER_NAMES,
  FilterFault,
  filterJson,
  filterOf,
  isEmptyFilter,
} from '../../../src/apps/order-sync/delivery-filter.ts';

const ALL = {
  target: 'crm',
  entityId: 'a b',
  status: 'dead',
  lastStatus: '422',
  error: 'no such',
  dueSince: '2026-01-01T01:00:00+01:00',
  dueBefore: '2026-01-02T00:00:00Z',
};

/** The name of the part that is wrong. */
function faultyPart(given: Parameters<typeof filterOf>[0]): string {
  try {
    filterOf(given);
  } catch (error) {
    if (error instanceof FilterFault) return error.part;
    throw error;
  }
  return 'none';
}

describe('a filter of deliveries', () => {
  it('reads each of its parts', () => {
    expect(filterOf(ALL)).toEqual({
      target: 'crm',
      entityId: 'a b',
      status: 'dead',
      lastStatus: 422,
      errorPrefix: 'no such',
      dueSinceFromMs: Date.UTC(2026, 0, 1),
      dueSinceBeforeMs: Date.UTC(2026, 0, 2),
    });
  });

  it('filterJson shows a filter as it was given, with its moments in UTC', () => {
    expect(filterJson(filterOf(ALL))).toEqual({
      ...ALL,
      lastStatus: 422,
      dueSince: '2026-01-01T00:00:00.000Z',
      dueBefore: '2026-01-02T00:00:00.000Z',
    });
    expect(filterJson(filterOf({ status: 'pending' }))).toEqual({ status: 'pending' });
  });

  it('counts as empty only without any part', () => {
    expect(isEmptyFilter(filterOf({}))).toBe(true);
    for (const name of FILTER_NAMES) expect(isEmptyFilter(filterOf({ [name]: ALL[name] }))).toBe(false);
  });

  it.each([
    ['target', ''],
    ['entityId', 'x'.repeat(1_001)],
    ['error', '\ud800'],
    ['status', 'Dead'],
    ['lastStatus', '600'],
    ['lastStatus', '099'],
    ['lastStatus', '4222'],
    ['dueSince', '2026-01-01'],
    ['dueBefore', 'yesterday'],
  ] as const)('names %s as wrong if it is %j', (part, text) => {
    expect(faultyPart({ ...ALL, [part]: text })).toBe(part);
  });
});
