import { describe, expect, it } from 'vitest';
import { count, type Report, survivorsOf } from './report.ts';

const place = (line: number, column: number) => ({ line, column });
const mutant = (status: string, from = place(1, 1), to = place(1, 2), replacement = 'x') => ({
  mutatorName: 'Any',
  replacement,
  status,
  location: { start: from, end: to },
});

describe('count', () => {
  it('takes timeouts for killed, and mutants that no test reaches for survivors', () => {
    const statuses = ['Killed', 'Killed', 'Timeout', 'Survived', 'NoCoverage', 'Ignored', 'RuntimeError'];
    const reason = 'Static mutant (and "ignoreStatic" was enabled)';
    const mutants = [
      ...statuses.map((status) => mutant(status)),
      { status: 'Ignored', statusReason: reason },
    ];
    expect(count(mutants)).toEqual({
      score: 60,
      killed: 2,
      timeout: 1,
      survived: 1,
      noCoverage: 1,
      texts: 1,
      static: 1,
      failed: 1,
    });
  });

  it('never rounds a score up', () => {
    const mutants = Array.from({ length: 3 }, (_, index) => mutant(index === 0 ? 'Survived' : 'Killed'));
    expect(count(mutants).score).toBe(66.66);
    expect(count([]).score).toBe(100);
  });
});

describe('survivorsOf', () => {
  const source = ['const a = 1;', '  if (a > 1) {', '    b();', '  }'].join('\n');
  const report = (...mutants: Report['files'][string]['mutants']): Report => ({
    files: { 'src/a.ts': { source, mutants } },
  });

  it('tells the lines of a survivor before and after, on one line each', () => {
    const condition = mutant('Survived', place(2, 7), place(2, 12), 'true');
    const block = mutant('NoCoverage', place(2, 14), place(4, 4), '{}');
    expect(survivorsOf(report(condition, mutant('Killed'), block, mutant('Timeout')))).toEqual([
      { file: 'src/a.ts', from: 'if (a > 1) {', to: 'if (true) {' },
      { file: 'src/a.ts', from: 'if (a > 1) { b(); }', to: 'if (a > 1) {}' },
    ]);
  });

  it('cuts long lines off', () => {
    const [survivor] = survivorsOf(report(mutant('Survived', place(1, 11), place(1, 12), '9'.repeat(300))));
    expect(survivor?.to).toBe(`const a = ${'9'.repeat(149)}…`);
  });
});
