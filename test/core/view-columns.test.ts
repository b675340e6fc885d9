import { describe, expect, it } from 'vitest';
import type { ViewColumn } from '../../src/core/domain.ts';
import { areSameColumns, columnsFromText, columnsText, commonColumns } from '../../src/core/view-columns.ts';

const STATUS: ViewColumn = { name: 'status', type: 'text', maxLength: 8 };
const NOTE: ViewColumn = { name: 'note', type: 'text' };
const SENT: ViewColumn = { name: 'sent', type: 'boolean' };
const TOTAL: ViewColumn = { name: 'total', type: 'decimal', precision: 6, scale: 2 };
const PAID_AT: ViewColumn = { name: 'paid_at', type: 'timestamp' };
const DATA: ViewColumn = { name: 'data', type: 'json', maxLength: 90 };

describe('columnsText', () => {
  it('the text has the name, type and length of each column in their sequence', () => {
    expect(columnsText([STATUS, SENT])).toBe('[["status","text",8],["sent","boolean"]]');
    expect(columnsText([TOTAL, PAID_AT, DATA])).toBe(
      '[["total","decimal",6,2],["paid_at","timestamp"],["data","json",90]]',
    );
    expect(columnsText([])).toBe('[]');
  });

  it('the text is read back as the same columns', () => {
    for (const columns of [[], [SENT], [STATUS, NOTE, SENT], [TOTAL, PAID_AT, DATA]])
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

  it('a decimal of another precision or scale is another column, because its values are other texts', () => {
    expect(commonColumns([TOTAL], [{ ...TOTAL }])).toHaveLength(1);
    expect(commonColumns([TOTAL], [{ ...TOTAL, scale: 3 } as ViewColumn])).toEqual([]);
    expect(commonColumns([TOTAL], [{ ...TOTAL, precision: 7 } as ViewColumn])).toEqual([]);
    expect(areSameColumns([TOTAL], [{ ...TOTAL, scale: 3 } as ViewColumn])).toBe(false);
  });
});
