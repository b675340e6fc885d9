import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readExplanations, readRecord, SCORE_MIN } from './record.ts';
import { SCOPES } from './scopes.ts';

const root = join(import.meta.dirname, '..', '..');
const scopes = Object.entries(readRecord());

describe('docs/mutation.json', () => {
  it('the record has the score of core, and of nothing that cannot be measured', () => {
    const names = scopes.map(([name]) => name);
    expect(names).toContain('core');
    expect(SCOPES.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  it.each(scopes)('%s has a score that its counts give, and that is high enough', (_, record) => {
    const detected = record.killed + record.timeout;
    const tested = detected + record.survived + record.noCoverage;
    expect(record.score).toBe(Math.floor((10_000 * detected) / tested) / 100);
    expect(record.score).toBeGreaterThanOrEqual(SCORE_MIN);
    const files = Object.values(record.files);
    for (const key of ['killed', 'timeout', 'survived', 'noCoverage', 'texts', 'static'] as const)
      expect(files.reduce((sum, counts) => sum + counts[key], 0)).toBe(record[key]);
  });

  it.each(scopes)('%s names each mutant that no test killed, with the reason', (_, record) => {
    expect(record.survivors).toHaveLength(record.survived + record.noCoverage);
    expect(record.survivors.filter(({ why }) => why.trim() === '')).toEqual([]);
  });

  it.each(scopes)('%s has no results of files that are gone', (_, record) => {
    expect(Object.keys(record.files).filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

describe('the explanations of survivors', () => {
  it('name sources that exist, and have a sentence each', () => {
    for (const [file, list] of Object.entries(readExplanations())) {
      expect(existsSync(join(root, file)), file).toBe(true);
      for (const { why, mutants } of list) {
        expect(why).toMatch(/^[A-Z].*\.$/);
        expect(mutants.length).toBeGreaterThan(0);
      }
    }
  });
});
