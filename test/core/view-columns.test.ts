import { describe, expect, it } from 'vitest';
import type { ViewColumn } from '../../src/core/domain.ts';
import { areSameColumns, columnsFromText, columnsText, commonColumns } from '../../src/core/view-columns.ts';

const STATUS: ViewColumn = { name: 'status', type: 'text', maxLength: 8 };
const NOTE: ViewColumn = { name: 'note', type: 'text' };
const SENT: ViewColumn = { name: 'sent', type: 'boolean' };

describe('columnsText', () => {
  it('the text has the name, type and length of each column in their sequence', () => {
    expect(columnsText([STATUS, SENT])).toBe('[["status","text",8],["sent","boolean"]]');
    expect(columnsText([])).toBe('[]');
  });

  it('the text is read back as the same columns', () => {
    for (const columns of [[], [SENT], [STATUS, NOTE, SENT]])
      expect(columnsFromText(columnsText(columns))).toStrictEqual(columns);
  });

  it('the text is made once for a list of columns', () => {
    const columns = [STATUS];
    const text = columnsText(columns);
    // Nobody may change such a list, so that only the kept text can tell.
    columns.push(NOTE);
    expect(columnsText(columns)).toBe(text);
  });
});

describe('areSameColumns', () => {
  it('compares name, type, length and sequence', () => {
    expect(areSameColumns([STATUS, SENT], [{ ...STATUS }, { ...SENT }])).toBe(true);
    expect(areSameColumns([STATUS, SENT], [SENT, STATUS])).toBe(false);
    expect(areSameColumns([STATUS], [{ ...STATUS, maxLength: 9 }])).toBe(false);
    expect(areSameColumns([NOTE], [{ name: 'note', type: 'boolean' }])).toBe(false);
    expect(areSameColumns([], [NOTE])).toBe(false);
  });
});

describe('commonColumns', () => {
  it('gives the places of the columns that both lists have by name and type', () => {
    const other: ViewColumn = { name: 'sent', type: 'integer' };
    expect(commonColumns([STATUS, NOTE, SENT], [NOTE, other, { ...STATUS, maxLength: 5 }])).toStrictEqual([
      { column: STATUS, left: 0, right: 2 },
      { column: NOTE, left: 1, right: 0 },
    ]);
  });
});
