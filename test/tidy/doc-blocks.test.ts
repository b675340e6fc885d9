import { describe, expect, it } from 'vitest';
import { blocksOf, missingLine, runnableBlocksOf, staleLine } from './doc-blocks.ts';
import { staleExcerpts } from './pages.ts';
import { treeOf } from './tree.ts';

const page = `Words.

\`\`\`sh run background
npm start
\`\`\`
It prints:
\`\`\`text
ready on ...
\`\`\`

\`\`\`sh run
one
two
\`\`\`
\`\`\`sh
not this one
\`\`\`
`;

describe('the blocks of a page', () => {
  it('give their language, words, content and line', () => {
    expect(blocksOf(page).map(({ language, words, line }) => [language, words.join(' '), line])).toEqual([
      ['sh', 'run background', 3],
      ['text', '', 7],
      ['sh', 'run', 11],
      ['sh', '', 15],
    ]);
  });

  it('run if they are marked "run", with the output that the next text block expects', () => {
    expect(runnableBlocksOf(page)).toEqual([
      { script: 'npm start\n', expected: 'ready on ...\n', isBackground: true, line: 3 },
      { script: 'one\ntwo\n', expected: null, isBackground: false, line: 11 },
    ]);
  });
});

describe('expected output', () => {
  it('matches with other lines in between, and with ... for any text', () => {
    expect(missingLine('a ... c\n...\nlast\n', 'first\na b c\nmore\n  last \n')).toBeNull();
  });

  it('differs if a line is missing, a character differs, or the lines stand in another sequence', () => {
    expect(missingLine('a\nb', 'b\na')).toBe('b');
    expect(missingLine('a.c', 'abc')).toBe('a.c');
    expect(missingLine('a\na', 'a')).toBe('a');
    expect(missingLine('a', '')).toBe('a');
  });
});

describe('excerpts of code', () => {
  const source = 'const a = 1;\n/** why */\nfunction f() {\n  return a;\n}\n';

  it('match lines of the file in the same sequence, with lines left out', () => {
    expect(staleLine('const a = 1;\n// ...\nreturn a;', source)).toBeNull();
    expect(staleLine('return a;\nconst a = 1;', source)).toBe('const a = 1;');
    expect(staleLine('const b = 1;', source)).toBe('const b = 1;');
  });

  it('break a rule if the file that they name lacks a line, or is missing', () => {
    const pageOf = (code: string, file = 'src/a.ts') =>
      staleExcerpts(treeOf({ 'src/a.ts': source, 'README.md': `\`\`\`ts from ${file}\n${code}\n\`\`\`\n` }));
    expect(pageOf('return a;')).toEqual([]);
    expect(pageOf('return b;')).toHaveLength(1);
    expect(pageOf('return a;', 'src/none.ts')).toHaveLength(1);
  });
});
