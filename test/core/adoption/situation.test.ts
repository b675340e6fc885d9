import { describe, expect, it } from 'vitest';
import { type FoundStore, type Standing, situationOf } from '../../../src/core/adoption/index.ts';

const OURS: Standing = { isMarkedOurs: true, mismatch: null };
const ALTERED: Standing = { isMarkedOurs: true, mismatch: 'it has no column place' };
const LOOKS_LIKE_OURS: Standing = { isMarkedOurs: false, mismatch: null };
const STRANGER: Standing = { isMarkedOurs: false, mismatch: 'it has no column version' };
const FINISHED = { state: 'finished', originalName: null } as const;
const ADOPTING = { state: 'adopting', originalName: 'orders_original' } as const;
const COPIED = { state: 'copied', originalName: 'orders_original' } as const;

const situationFor = (found: Partial<FoundStore>) =>
  situationOf({
    table: 'orders',
    record: null,
    present: null,
    hasOriginal: false,
    isJournaled: false,
    ...found,
  });

const kindOf = (found: Partial<FoundStore>) => {
  const situation = situationFor(found);
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
    ['foreign_table_in_place', { present: LOOKS_LIKE_OURS, isJournaled: true }],
    ['foreign_table_in_place', { present: OURS, isJournaled: true }],
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

  it('says why a table is not ours, and what to do about it', () => {
    const refusalOf = (found: Partial<FoundStore>) => {
      const situation = situationFor(found);
      return situation.kind === 'refuse' ? situation.finding : situation;
    };
    expect(refusalOf({ present: OURS })).toEqual({
      code: 'own_view_without_journal',
      problem:
        'the table "orders" is a view that Tributary made, and the tables beside it, the journal among them, are gone (a schema command of another program drops tables that it does not know), or belong to another pipeline with another ORDER_SYNC_TABLE_PREFIX',
      remedy:
        'If another pipeline has this table, give the table of this one another name (ORDER_SYNC_TABLE). Otherwise put the whole database back from a backup, and keep that program away from it. Without a backup, rename this table: a new view is made from the records that Kafka still has, and the target ignores what it has got already.',
    });
    expect(refusalOf({ present: STRANGER, isJournaled: true })).toEqual({
      code: 'foreign_table_in_place',
      problem: "This store has a journal already, and another program's table stands in its place",
      remedy:
        'Rename or drop that table "orders": the view is made anew from the journal, which has all of its rows.',
    });
    expect(refusalOf({ present: STRANGER, record: FINISHED })).toMatchObject({
      problem:
        'Tributary\'s own view "orders" is gone, and another program\'s table stands in its place (it has no column version)',
    });
  });

  it('says which tables are in the way of a takeover that was cut off', () => {
    expect(situationFor({ record: ADOPTING, present: STRANGER, hasOriginal: true })).toEqual({
      kind: 'refuse',
      finding: {
        code: 'name_taken_meanwhile',
        problem:
          'the table that was to be taken over is called "orders_original" now, and while its rows were being copied another program made a table "orders"',
        remedy:
          'Stop that program, and drop or rename its table "orders": the taking over begins again by itself.',
      },
    });
    expect(situationFor({ record: { state: 'adopting', originalName: 'orders_2' } })).toEqual({
      kind: 'refuse',
      finding: {
        code: 'original_gone',
        problem:
          'the rows of "orders" were being taken over when the program ended, and the table "orders_2" that holds them is gone',
        remedy: 'Put the table "orders_2" back from a backup.',
      },
    });
    const unnamed = situationFor({ record: { state: 'adopting', originalName: null } });
    expect(unnamed).toMatchObject({
      finding: { remedy: 'Put the table "orders_original" back from a backup.' },
    });
  });

  it('finishes a takeover only with the table that it made itself', () => {
    for (const present of [ALTERED, LOOKS_LIKE_OURS])
      expect(kindOf({ record: COPIED, present, hasOriginal: true })).toBe('name_taken_meanwhile');
    expect(kindOf({ record: ADOPTING, present: OURS, hasOriginal: true })).toBe('name_taken_meanwhile');
    expect(situationFor({ record: FINISHED, present: ALTERED })).toEqual({
      kind: 'replace',
      mismatch: 'it has no column place',
    });
  });
});
