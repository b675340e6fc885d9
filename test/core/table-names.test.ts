import { describe, expect, it } from 'vitest';
import { isTablePrefix, TableNames } from '../../src/core/table-names.ts';

const OWN = ['jobs', 'jobs_by_age', 'deliveries', 'view_states'];
const names = new TableNames(OWN, 'eu_');

describe('the names of one pipeline in SQL', () => {
  it.each([
    ['SELECT * FROM jobs WHERE kind = ?', 'SELECT * FROM eu_jobs WHERE kind = ?'],
    ['SELECT deliveries.target FROM deliveries', 'SELECT eu_deliveries.target FROM eu_deliveries'],
    ['CREATE INDEX jobs_by_age ON jobs (age)', 'CREATE INDEX eu_jobs_by_age ON eu_jobs (age)'],
    ['(SELECT 1 FROM view_states)', '(SELECT 1 FROM eu_view_states)'],
    ['UPDATE jobs\nSET a=1,b=jobs.c', 'UPDATE eu_jobs\nSET a=1,b=eu_jobs.c'],
  ])('puts the prefix in front of every table: %s', (sql, named) => {
    expect(names.in(sql)).toBe(named);
    // Texts that are prepared once more are not changed once more.
    expect(names.in(named)).toBe(named);
  });

  it.each([
    "SELECT 'jobs', 'it''s jobs' FROM x",
    'SELECT "jobs" FROM `deliveries`',
    'SELECT 1 -- of jobs',
    'SELECT /* jobs\n and deliveries */ 1',
    'SELECT my_jobs, jobs2, jobs$ FROM Jobs',
  ])('leaves strings, quoted names, comments and other words alone: %s', (sql) => {
    expect(names.in(sql)).toBe(sql);
  });

  it('goes on behind a string that holds the mark of a comment', () => {
    expect(names.in("SELECT '--', '/*' FROM jobs")).toBe("SELECT '--', '/*' FROM eu_jobs");
  });

  it('leaves every text as it is without a prefix', () => {
    const sql = 'SELECT * FROM jobs';
    expect(new TableNames(OWN).in(sql)).toBe(sql);
    expect(new TableNames(OWN).of('jobs')).toBe('jobs');
  });

  it('gives the name of a table as a value, and knows its own names in any case', () => {
    expect(names.of('jobs')).toBe('eu_jobs');
    expect(names.isOwn('EU_Jobs')).toBe(true);
    expect(names.isOwn('jobs')).toBe(false);
    expect(names.isOwn('eu_orders')).toBe(false);
  });

  it('keeps a limited number of texts', () => {
    const many = new TableNames(OWN, 'eu_');
    for (let limit = 0; limit < 9_000; limit++) many.in(`SELECT * FROM jobs LIMIT ${limit}`);
    expect(many.in('SELECT * FROM jobs LIMIT 1')).toBe('SELECT * FROM eu_jobs LIMIT 1');
  });

  it.each(['Eu_', '_eu', '1eu', 'eu-', 'eu.', 'é', 'a'.repeat(21), "a'; DROP", ' '])(
    'refuses the prefix "%s"',
    (prefix) => {
      expect(isTablePrefix(prefix)).toBe(false);
      expect(() => new TableNames(OWN, prefix)).toThrow(
        expect.objectContaining({
          code: 'setting_invalid',
          message: expect.stringMatching(/lower-case letter/),
        }),
      );
    },
  );

  it('refuses a prefix by which one table would get the name of another', () => {
    expect(() => new TableNames(['jobs', 'redrive_jobs'], 'redrive_')).toThrow(
      expect.objectContaining({ code: 'setting_invalid', message: expect.stringMatching(/the table jobs/) }),
    );
  });

  it('knows its own tables in any case, and not those of another pipeline', () => {
    const names = new TableNames(['deliveries'], 'p2_');
    expect(names.isOwn('P2_Deliveries')).toBe(true);
    for (const name of ['deliveries', 'p3_deliveries', 'p2_orders', ''])
      expect(names.isOwn(name)).toBe(false);
  });
});
