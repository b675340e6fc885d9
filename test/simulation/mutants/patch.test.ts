import { describe, expect, it } from 'vitest';
import { applyHunks, type FilePatch, PatchError, parsePatch } from './patch.ts';

const PATCH = `# The sum is a difference, which breaks I4.
diff --git a/src/a.ts b/src/a.ts
index 1..2 100644
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,3 +1,3 @@ function sum() {
 one
-two
+2
 three
@@ -6,2 +6,3 @@ function product() {
 six
+six and a half
 seven
diff --git a/src/b.ts b/src/b.ts
--- a/src/b.ts
+++ b/src/b.ts
@@ -1 +1 @@
--- a
+++ b
`;
const TEXT = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n';

function fileOf(path: string): FilePatch {
  const file = parsePatch(PATCH).find((each) => each.path === path);
  if (file === undefined) throw new Error(`The patch has no ${path}`);
  return file;
}

describe('a patch', () => {
  it('names every file that it changes', () => {
    expect(parsePatch(PATCH).map(({ path }) => path)).toEqual(['src/a.ts', 'src/b.ts']);
  });

  it('replaces the lines of each of its hunks', () => {
    expect(applyHunks(fileOf('src/a.ts'), TEXT)).toBe(
      'one\n2\nthree\nfour\nfive\nsix\nsix and a half\nseven\n',
    );
  });

  it('takes changed lines that begin with dashes for no header', () => {
    expect(applyHunks(fileOf('src/b.ts'), '-- a\n')).toBe('++ b\n');
  });

  it('applies where its lines have moved to', () => {
    expect(applyHunks(fileOf('src/a.ts'), `zero\nzero\n${TEXT}`)).toBe(
      'zero\nzero\none\n2\nthree\nfour\nfive\nsix\nsix and a half\nseven\n',
    );
  });

  it('applies at the nearest of several equal places', () => {
    const text = `${'one\ntwo\nthree\n'.repeat(3)}six\nseven\n`;
    const [hunk] = fileOf('src/a.ts').hunks;
    const at = (line: number) =>
      applyHunks({ path: 'a', hunks: hunk === undefined ? [] : [{ ...hunk, line }] }, text).split('\n');
    expect(at(1).indexOf('2')).toBe(1);
    expect(at(4).indexOf('2')).toBe(4);
    expect(at(8).indexOf('2')).toBe(7);
  });

  it('fails with the name of a file that has other lines now', () => {
    expect(() => applyHunks(fileOf('src/a.ts'), TEXT.replace('two', 'TWO'))).toThrow(
      new PatchError('src/a.ts has no such lines any more near line 1.'),
    );
  });

  it.each([
    ['nothing', '# Nothing.\n'],
    ['only the name of a file', '--- a/x.ts\n+++ b/x.ts\n'],
    ['a hunk without a file', '@@ -1 +1 @@\n-a\n+b\n'],
    ['a hunk without numbers', '--- a/x.ts\n+++ b/x.ts\n@@ here @@\n-a\n+b\n'],
    ['half of a hunk', '--- a/x.ts\n+++ b/x.ts\n@@ -1,3 +1,3 @@\n-a\n+b'],
    ['a deleted file', '--- a/x.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n'],
  ])('fails to be read with %s', (_, text) => {
    expect(() => parsePatch(text)).toThrow(PatchError);
  });
});
