import { describe, expect, it } from 'vitest';
import { idPage } from '../../../src/adapters/mysql/id-page.ts';

describe('a page of rows sorted by an id', () => {
  it('reads in the sequence of the index, and sorts these few rows by a text', () => {
    expect(idPage({ columns: ['d.entity_id', 'v.version'], rows: 'FROM d JOIN v', limit: 10 })).toBe(
      'SELECT c0, c1 FROM (SELECT d.entity_id AS c0, v.version AS c1 FROM d JOIN v ORDER BY d.entity_id LIMIT 10) ' +
        'AS page ORDER BY CONVERT(HEX(c0) USING ascii) LIMIT 10',
    );
  });

  it('leaves out rows only once all servers are merged', () => {
    expect(idPage({ columns: ['id'], rows: 'FROM t', limit: 1, offset: 4_999 })).toBe(
      'SELECT c0 FROM (SELECT id AS c0 FROM t ORDER BY id LIMIT 5000) AS page ORDER BY CONVERT(HEX(c0) USING ascii) LIMIT 4999, 1',
    );
  });
});
