import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changedFiles, mutantOf, readMutants, staleMutants } from './catalogue.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const mutants = readMutants(import.meta.dirname);

const HUNK = 'diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n';

describe('the planted mistakes', () => {
  it('apply to the sources as they are now, each by itself', () => {
    expect(staleMutants(mutants, read)).toEqual([]);
  });

  it('change files of src and no others', () => {
    const others = mutants.filter(({ files }) => files.some(({ path }) => !path.startsWith('src/')));
    expect(others.map(({ name }) => name)).toEqual([]);
  });

  it('differ from each other', () => {
    const seen = new Map<string, string>();
    const twins: string[] = [];
    for (const mutant of mutants) {
      const change = JSON.stringify([...changedFiles(mutant, read)]);
      const twin = seen.get(change);
      if (twin !== undefined) twins.push(`${mutant.name} is ${twin}`);
      seen.set(change, mutant.name);
    }
    expect(twins).toEqual([]);
  });
});

describe('a mutant', () => {
  it('begins with its sentence', () => {
    expect(mutantOf('name', `# What is wrong (I1).\n${HUNK}`)).toMatchObject({
      name: 'name',
      sentence: 'What is wrong (I1).',
      files: [{ path: 'a' }],
    });
  });

  it('needs a sentence', () => {
    expect(() => mutantOf('name', HUNK)).toThrow('Its first line must be "# " and a sentence');
  });

  it('applies all its changes of one file', () => {
    const twice = `# Twice.\n${HUNK}${HUNK.replace('-x', '-z').replace('+y', '+Z')}`;
    const changed = changedFiles(mutantOf('name', twice), () => 'x\nz\n');
    expect([...changed]).toEqual([['a', 'y\nZ\n']]);
  });

  it('staleMutants names it if its file has changed', () => {
    const stale = staleMutants([mutantOf('name', `# Stale.\n${HUNK}`)], () => 'w\n');
    expect(stale).toEqual(['name: a has no such lines any more near line 1.']);
  });
});
