import { describe, expect, it } from 'vitest';
import { commentsOf, riddlingComments, testNamesOf, unfinishedTestNames } from './prose.ts';
import { treeOf } from './tree.ts';

describe('riddlingComments', () => {
  const commented = (comment: string, path = 'src/a.ts') => riddlingComments(treeOf({ [path]: comment }));

  it.each([
    'Of so many at once, one waits.',
    'So many are read.',
    'So long it lasts.',
    'So much is kept.',
    'How long a try may take.',
    'How many tries there are.',
    'How often it asks.',
  ])('finds "%s" in a doc comment, a block comment and a line comment', (text) => {
    for (const comment of [
      `/** ${text} */\nconst a = 1;`,
      `/**\n * ${text}\n */\nconst a = 1;`,
      `/* ${text} */`,
      `// ${text}`,
      `const a = 1; // ${text}`,
    ]) {
      expect(commented(comment), comment).toHaveLength(1);
    }
  });

  it.each(['src/core/a.ts', 'test/a.ts', 'bench/a.ts', 'examples/a/b.ts'])(
    'reads the comments in %s',
    (path) => {
      expect(commented('// How long it waits.', path)).toHaveLength(1);
    },
  );

  it('reads no comments in bin/ and none in a shell script', () => {
    expect(commented('// How long it waits.', 'bin/a.ts')).toEqual([]);
    expect(commented('// How long it waits.', 'test/a.sh')).toEqual([]);
  });

  it('looks only at the first line of a comment', () => {
    expect(commented('// The limit says\n// How long it waits.')).toEqual([]);
    expect(commented('/**\n * The limit says\n * How long it waits.\n */')).toEqual([]);
  });

  it('takes a line comment below a trailing comment for a comment of its own', () => {
    expect(commented('const a = 1; // One.\n// How long it waits.')).toHaveLength(1);
  });

  it('accepts sentences that only resemble a riddle', () => {
    for (const text of [
      'Waits at most 1 ms.',
      'However long it is.',
      'Somebody asks.',
      'Of two.',
      'So it ends.',
    ]) {
      expect(commented(`/** ${text} */`), text).toEqual([]);
    }
  });

  it('ignores comment marks in texts, templates and regular expressions', () => {
    expect(
      commented(
        "const a = '// How long'; const b = `/** How long */`; const c = /\\/\\/ How long['\"]/; // Right.",
      ),
    ).toEqual([]);
  });

  it('reports the file, the line and what to write instead', () => {
    expect(commented('const a = 1;\n\n/** How long it waits. */')).toEqual([
      'src/a.ts:3 begins a comment with "How long": write a sentence with the thing and its number, such as "Waits at most 1 ms."',
    ]);
  });
});

describe('commentsOf', () => {
  it('finds each comment once, with its first line', () => {
    const source = "const a = 'x'; // one\n\n// two\n// goes on\n/**\n * three\n */\nconst b = a; // four\n";
    expect(commentsOf(source).map(({ text, line }) => [line, text.split('\n')[0]])).toEqual([
      [1, 'one'],
      [3, 'two'],
      [5, 'three'],
      [8, 'four'],
    ]);
  });
});

describe('unfinishedTestNames', () => {
  const named = (program: string, path = 'test/a.test.ts') =>
    unfinishedTestNames(treeOf({ [path]: program }));

  it.each('and or but so then nor because'.split(' '))(
    'refuses a name that begins with the conjunction "%s"',
    (word) => {
      expect(named(`it('${word} it ends', run);`)).toHaveLength(1);
    },
  );

  it.each('that which who whose whom where'.split(' '))(
    'refuses a name that begins with the relative word "%s"',
    (word) => {
      expect(named(`it('${word} it ends', run);`)).toHaveLength(1);
    },
  );

  it.each('is are was were be does do did has have had can cannot may must will would should'.split(' '))(
    'refuses a name that begins with the bare auxiliary "%s"',
    (word) => {
      expect(named(`it('${word} found', run);`)).toHaveLength(1);
    },
  );

  it('refuses a bad name in every form of call, and on a line of its own', () => {
    for (const program of [
      "it('is found', run);",
      "test('is found', run);",
      'it("is found", run);',
      'it(`is found`, run);',
      "it('Is found', run);",
      "it(\n  'is found',\n  run,\n);",
      "it.skipIf(isDown('x'))('is found', run);",
      "it.skipIf(isDown).each([1, 2])('is found', run);",
      "it.each([[1, 'a)'], [/[(']/, '(']])('is found', run);",
      "it.each([\n  // (\n  ['a'],\n])(\n  'is found',\n  run,\n);",
      "it.each`a | b\n1 | 2`('is found', run);",
      "test.each(\n  names.map((name) => [name]),\n)('is found', run);",
    ]) {
      expect(named(program), program).toHaveLength(1);
    }
  });

  it('accepts a sentence with or without its subject', () => {
    for (const name of [
      'claims nothing while the breaker is open',
      'a lost claim cannot end the sweep',
      '%s is refused',
      'island names are sorted',
      'when the target is down, claims nothing',
    ]) {
      expect(named(`it('${name}', run);`), name).toEqual([]);
    }
  });

  it('reads only the first text in the call of a test', () => {
    expect(named("describe('is', run); pattern.test('is'); wait\n  .it('is'); it(name, 'is');")).toEqual([]);
    expect(named("// it('is found', run)\nconst a = \"it('is found', run)\";")).toEqual([]);
    expect(named("it('is found', run);", 'src/a.ts')).toEqual([]);
  });

  it('reports the file, the line and what to write instead', () => {
    expect(named("\nit(\n  'and then ends', run);\ntest('that ends', run);\nit('is over', run);")).toEqual([
      'test/a.test.ts:3 names a test "and then ends": say the whole sentence, without the test above it',
      'test/a.test.ts:4 names a test "that ends": name the thing that acts',
      'test/a.test.ts:5 names a test "is over": begin with the subject, or with a verb that says what happens',
    ]);
  });
});

describe('testNamesOf', () => {
  it('finds the name of every test, in the sequence of the file', () => {
    const program =
      "describe('a', () => {\n  it('b', run);\n  it.each([1])('c %s', run);\n});\ntest('d', run);";
    expect(testNamesOf(program)).toEqual([
      { text: 'b', line: 2 },
      { text: 'c %s', line: 3 },
      { text: 'd', line: 5 },
    ]);
  });
});
