import { describe, expect, it } from 'vitest';
import { type FoundStore, type Standing, situationOf } from '../../../src/core/adoption/index.ts';

const OURS: Standing = { isMarkedOurs: true, mismatch: null };
const ALTERED: Standing = { isMarkedOurs: true, mismatch: 'it has no column place' };
const LOOKS_LIKE_OURS: Standing = { isMarkedOurs: false, mismatch: null };
const STRANGER: Standing = { isMarkedOurs: false, mismatch: 'it has no column version' };
const FINISHED = { state: 'finished', originalName: null } as const;
const ADOPTING = { state: 'adopting', originalName: 'orders_original' } as const;
const COPIED = { state: 'copied', originalName: 'orders_original' } as const;

const kindOf = (found: Partial<FoundStore>) => {
  const situation = situationOf({
    table: 'orders',
    record: null,
    present: null,
    hasOriginal: false,
    isJournaled: false,
    ...found,
  });
  return situation.kind === 'refuse' ? situation.finding.code : situation.kind;
};

describe('situationOf', () => {
  it.each<[string, Partial<FoundStore>]>([
    ['make', {}],
    ['remake', { isJournaled: true }],
    ['examine', { present: STRANGER }],
    ['examine', { present: LOOKS_LIKE_OURS }],
    ['own_view_without_journal', { present: OURS }],
    ['own_view_without_journal', { present: ALTERED }],
    ['foreign_table_in_place', { present: STRANGER, isJournaled: true }],
  ])('the situation without a record is %s for %j', (kind, found) => {
    expect(kindOf(found)).toBe(kind);
  });

  it.each<[string, Partial<FoundStore>]>([
    ['keep', { present: OURS }],
    ['keep', { present: LOOKS_LIKE_OURS }],
    ['remake', {}],
    ['replace', { present: ALTERED }],
    ['foreign_table_in_place', { present: STRANGER }],
  ])('the situation of a view that is recorded as ours is %s for %j', (kind, found) => {
    for (const isJournaled of [true, false])
      expect(kindOf({ ...found, record: FINISHED, isJournaled })).toBe(kind);
  });

  it.each<[string, Partial<FoundStore>]>([
    ['examine', { present: STRANGER }],
    ['begin_again', { hasOriginal: true, isJournaled: true }],
    ['name_taken_meanwhile', { present: STRANGER, hasOriginal: true }],
    ['original_gone', { isJournaled: true }],
  ])('the situation after a takeover that was cut off while it copied is %s for %j', (kind, found) => {
    expect(kindOf({ ...found, record: ADOPTING })).toBe(kind);
  });

  it.each<[string, Partial<FoundStore>]>([
    ['finish', { hasOriginal: true, isJournaled: true }],
    ['finish', { hasOriginal: true, isJournaled: true, present: OURS }],
    ['name_taken_meanwhile', { hasOriginal: true, present: STRANGER }],
  ])('the situation after a takeover that was cut off once all was copied is %s for %j', (kind, found) => {
    expect(kindOf({ ...found, record: COPIED })).toBe(kind);
  });
});
