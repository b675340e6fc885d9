import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unprovenInvariants } from './invariants.ts';
import { readTree, treeOf } from './tree.ts';

const names = Array.from({ length: 12 }, (_, index) => `I${index + 1}`);
const page = (cells: string) => names.map((name) => `| ${name}: words | ${cells} |`).join('\n');
const files = {
  'test/core/a.test.ts': '',
  'test/simulation/mutants/core-late-event.patch': '',
};

describe('the table of invariants', () => {
  it('names a test and a planted mistake for each, and both exist', () => {
    expect(unprovenInvariants(readTree(join(import.meta.dirname, '..', '..')))).toEqual([]);
  });

  it('passes if every row names what exists', () => {
    const text = page('`test/core/a.test.ts` | `core-late-event`');
    expect(unprovenInvariants(treeOf({ ...files, 'docs/testing.md': text }))).toEqual([]);
  });

  it('fails for rows that are missing, and for rows that name nothing or what does not exist', () => {
    expect(unprovenInvariants(treeOf({ ...files, 'docs/testing.md': '' }))).toHaveLength(12);
    const gone = page('`test/core/b.test.ts` | `core-early-event`');
    expect(unprovenInvariants(treeOf({ ...files, 'docs/testing.md': gone }))).toContain(
      'docs/testing.md: the row of I1 names test/core/b.test.ts, which does not exist',
    );
    expect(unprovenInvariants(treeOf({ ...files, 'docs/testing.md': gone }))).toContain(
      'docs/testing.md: the row of I12 names core-early-event, which is not planted',
    );
    expect(unprovenInvariants(treeOf({ ...files, 'docs/testing.md': page('words | words') }))).toHaveLength(
      24,
    );
  });
});
