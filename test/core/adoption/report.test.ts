import { describe, expect, it } from 'vitest';
import {
  type AdoptionReport,
  alteredNames,
  alteredNote,
  doubledIds,
  NO_ROWS,
  namesTaken,
  notAdoptable,
  reportText,
  tablesDropped,
  tooManyAltered,
} from '../../../src/core/adoption/index.ts';

const FINDINGS = [
  { code: 'id_null', problem: '1 row has no id', remedy: 'Give it one.' },
  { code: 'trigger', problem: 'a trigger fires', remedy: 'Drop it.' },
];

const report = (more: Partial<AdoptionReport>): AdoptionReport => ({
  table: 'orders',
  verdict: 'absent',
  findings: [],
  notes: [],
  ...NO_ROWS,
  ...more,
});

it('notAdoptable calls a view of Tributary itself no table of another program', () => {
  const own = { code: 'own_view_without_journal', problem: 'it is a view of ours', remedy: 'Look.' };
  expect(notAdoptable({ table: 'orders', findings: [own] }).message).toMatch(
    /^The table "orders" can't be taken over; nothing was changed\. it is a view of ours\./,
  );
});

describe('reportText', () => {
  it('says in one line that there is nothing to take over', () => {
    expect(reportText(report({}))).toBe('There is no table "orders": a start makes it.');
    expect(reportText(report({ verdict: 'ours' }))).toBe(
      'The table "orders" is the view of this store: there is nothing to take over.',
    );
  });

  it('counts the rows of a table that can be taken over', () => {
    const deliveries = { sent: 3, due: 2, none: 1 };
    expect(reportText(report({ verdict: 'take', rows: 6, deliveries }))).toBe(
      'The table "orders" can be taken over, with its 6 rows: 3 count as sent, 2 are owed to the target, 1 are not ready.',
    );
  });

  it('lists what is wrong with a table, each with its code and remedy', () => {
    expect(reportText(report({ verdict: 'refuse', findings: FINDINGS }))).toBe(
      [
        'The table "orders" can\'t be taken over:',
        '- id_null: 1 row has no id.',
        '  Give it one.',
        '- trigger: a trigger fires.',
        '  Drop it.',
      ].join('\n'),
    );
  });

  it.each(['absent', 'ours', 'take', 'refuse'] as const)(
    'ends with the notes where the verdict is %s',
    (verdict) => {
      const notes = ['it has no key', 'it is large'];
      const lines = reportText(report({ verdict, notes })).split('\n');
      expect(lines.slice(1)).toEqual(['Note: it has no key.', 'Note: it is large.']);
    },
  );
});

describe('the errors of an adoption', () => {
  it('name the only finding, or number several', () => {
    const one = notAdoptable({ table: 'orders', findings: FINDINGS.slice(0, 1) });
    expect(one.code).toBe('view_not_adoptable');
    expect(one.message).toContain('nothing was changed. 1 row has no id. Give it one. "order-sync adopt');
    const two = notAdoptable({ table: 'orders', findings: FINDINGS });
    expect(two.message).toContain(
      'nothing was changed. (1) 1 row has no id. Give it one. (2) a trigger fires. Drop it. "order-sync adopt',
    );
  });

  it('name the tables that are in the way, or gone', () => {
    expect(namesTaken(['a', 'b'])).toMatchObject({
      code: 'table_names_taken',
      message: expect.stringContaining('whose names Tributary needs: "a", "b". Nothing was changed.'),
    });
    expect(tablesDropped(7, ['a', 'b'])).toMatchObject({
      code: 'table_missing',
      message: expect.stringContaining(
        'schema version 7, and of its tables these are gone: "a", "b". A backup',
      ),
    });
  });

  it('name the ids that several rows have', () => {
    expect(doubledIds('order_id', ['a', 'b'], false)).toEqual({
      code: 'id_doubled',
      problem: 'several rows have the same order_id: "a", "b"',
      remedy:
        'Delete all but one of each, with the program that made it stopped; a primary key would keep it so.',
    });
    expect(doubledIds('order_id', ['a'], true).problem).toBe('several rows have the same order_id: "a", ...');
  });
});

describe('an altered view', () => {
  it('the altered view gets the first free one of five names', () => {
    expect(alteredNames('orders')).toEqual([
      'orders_altered',
      'orders_altered_2',
      'orders_altered_3',
      'orders_altered_4',
      'orders_altered_5',
    ]);
    expect(alteredNote('orders', 'it has no column place', 'orders_altered_2')).toBe(
      'The view "orders" was altered (it has no column place). It is called "orders_altered_2" now, for whoever needs what was in it, and the view is made anew from the journal.',
    );
  });

  it('the start is refused when all of these names are taken', () => {
    const error = tooManyAltered('orders', 'it has no column place');
    expect(error.code).toBe('view_not_adoptable');
    expect(error.message).toContain('drop the tables orders_altered, orders_altered_2, orders_altered_3,');
  });
});
