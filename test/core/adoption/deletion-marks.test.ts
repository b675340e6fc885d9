import { describe, expect, it } from 'vitest';
import type { ViewShape } from '../../../src/core/adoption/index.ts';
import { deletionMarks } from '../../../src/core/adoption/structure.ts';
import { column, tableWith, VIEW } from './tables.ts';

describe('deletionMarks', () => {
  const marks = (...names: string[]) =>
    deletionMarks(VIEW, tableWith(names.map((name) => column(name, 'datetime', 'other')))).map(
      ({ column: { name }, means }) => [name, means],
    );

  it('knows the names with which programs mark deleted rows', () => {
    const deleted = [
      'deleted',
      'deletedAt',
      'deleted_at',
      'is_deleted',
      'date_deleted',
      'soft_delete',
      'isSoftDeleted',
      'deletion_time',
      'removed_on',
      'trashed',
      'archived_date',
      'deleted_timestamp',
      'delete_flag',
    ];
    expect(marks(...deleted)).toEqual(deleted.map((name) => [name, 'deleted']));
    expect(marks('is_active', 'Alive', 'active')).toEqual([
      ['is_active', 'alive'],
      ['Alive', 'alive'],
      ['active', 'alive'],
    ]);
  });

  it('takes no other name for a mark', () => {
    expect(
      marks('undeleted', 'deleted_by', 'deletes', 'inactive', 'active_since', 'was_deleted', 'note'),
    ).toEqual([]);
  });

  it('takes no column of the view for a mark', () => {
    const view: ViewShape = { ...VIEW, columns: [{ name: 'deleted', type: 'boolean' }] };
    const table = tableWith([column('DELETED', 'int', 'integer'), column('active', 'int', 'integer')]);
    expect(deletionMarks(view, table).map(({ column: { name } }) => name)).toEqual(['active']);
    expect(deletionMarks({ ...view, keyColumn: 'active' }, table)).toEqual([]);
  });
});
