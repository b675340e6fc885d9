import type { Tree, Violation } from './tree.ts';

/** Openings that hide the actor and the number of a comment behind a riddle. */
const COMMENT_OPENINGS = ['Of so', 'So many', 'So long', 'So much', 'How long', 'How many', 'How often'];

/**
 * Words with which no sentence begins that stands alone in a list of failures. "When" is not among them: it also
 * opens whole sentences, such as "when the target is down, claims nothing".
 */
const NAME_OPENINGS: readonly (readonly [words: string, advice: string])[] = [
  ['and or but so then nor because', 'say the whole sentence, without the test above it'],
  ['that which who whose whom where', 'name the thing that acts'],
  [
    'is are was were be does do did has have had can cannot may must will would should',
    'begin with the subject, or with a verb that says what happens',
  ],
];

const ADVICE: ReadonlyMap<string, string> = new Map(
  NAME_OPENINGS.flatMap(([words, advice]) => words.split(' ').map((word) => [word, advice] as const)),
);

/** Comments begin with a sentence that names the thing, the actor or the number. */
export function riddlingComments(tree: Tree): Violation[] {
  return programsOf(tree, /^(?:src|console|test|bench|examples)\//).flatMap(([path, source]) =>
    commentsOf(source).flatMap(({ text, line }) => {
      const opening = COMMENT_OPENINGS.find((words) => new RegExp(`^${words}\\b`).test(text));
      if (opening === undefined) return [];
      return [
        `${path}:${line} begins a comment with "${opening}": write a sentence with the thing and its number, such as "Waits at most 1 ms."`,
      ];
    }),
  );
}

/** The name of a test is a sentence that a reader understands without the names around it. */
export function unfinishedTestNames(tree: Tree): Violation[] {
  return programsOf(tree, /^test\//).flatMap(([path, source]) =>
    testNamesOf(source).flatMap(({ text, line }) => {
      const [opening = ''] = /^[a-z]+\b/i.exec(text) ?? [];
      const advice = ADVICE.get(opening.toLowerCase());
      return advice === undefined ? [] : [`${path}:${line} names a test "${text}": ${advice}`];
    }),
  );
}

function programsOf(tree: Tree, rooms: RegExp): [string, string][] {
  return [...tree].filter(([path]) => rooms.test(path) && path.endsWith('.ts'));
}

interface Passage {
  readonly text: string;
  /** The line on which the text begins, from 1. */
  readonly line: number;
}

/**
 * The pieces of a program: comments, texts, regular expressions, dotted names, white space, and any other character
 * by itself. A template inside a template splits the outer one, which harms nothing here.
 */
const TOKEN = new RegExp(
  [
    /\/\/[^\n]*/,
    /\/\*[\s\S]*?\*\//,
    /'(?:\\[\s\S]|[^'\\\n])*'/,
    /"(?:\\[\s\S]|[^"\\\n])*"/,
    /`(?:\\[\s\S]|[^`\\])*`/,
    /(?<=(?:[(,=:[!&|?{};>]|\breturn|^)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/,
    /[\w$.]+/,
    /\s+/,
    /[\s\S]/,
  ]
    .map((pattern) => pattern.source)
    .join('|'),
  'g',
);

function tokensOf(source: string): Passage[] {
  let line = 1;
  return (source.match(TOKEN) ?? []).map((text) => {
    const token = { text, line };
    line += text.split('\n').length - 1;
    return token;
  });
}

const isComment = ({ text }: Passage): boolean => text.startsWith('//') || text.startsWith('/*');

/** Every comment, by its words. Line comments below each other are one comment. */
export function commentsOf(source: string): Passage[] {
  const lines = source.split('\n').map((line) => line.trim());
  return tokensOf(source)
    .filter(isComment)
    .filter(({ text, line }) => {
      const goesOn = text.startsWith('//') && (lines[line - 1] ?? '').startsWith('//');
      return !(goesOn && (lines[line - 2] ?? '').startsWith('//'));
    })
    .map(({ text, line }) => ({ text: text.replace(/^(?:\/\/|\/\*)[\s*/]*/, ''), line }));
}

/** Ends of a call before the call with the name: `it.skipIf(condition).each(table)('name', ...)`. */
const NAME_COMES_LATER = /\.(?:each|for|skipIf|runIf)$/;

/** The name of every test that is written as a text. */
export function testNamesOf(source: string): Passage[] {
  const tokens = tokensOf(source).filter((token) => !isComment(token) && token.text.trim() !== '');
  return tokens.flatMap(({ text }, index) => {
    if (!/^(?:it|test)(?:\.\w+)*$/.test(text)) return [];
    let call = index + 1;
    while (NAME_COMES_LATER.test(tokens[call - 1]?.text ?? '')) {
      call = afterArguments(tokens, call);
      if (tokens[call]?.text.startsWith('.')) call++;
    }
    const name = tokens[call + 1];
    if (tokens[call]?.text !== '(' || name === undefined || !/^['"`]/.test(name.text)) return [];
    return [{ text: name.text.slice(1, -1).trim(), line: name.line }];
  });
}

/** The place behind the arguments of a call, which begin at `start`. A template of a table is one token. */
function afterArguments(tokens: readonly Passage[], start: number): number {
  let depth = 0;
  for (let index = start; index < tokens.length; index++) {
    const { text } = tokens[index] as Passage;
    if (text === '(') depth++;
    else if (text === ')') depth--;
    if (depth === 0) return index + 1;
  }
  return tokens.length;
}
