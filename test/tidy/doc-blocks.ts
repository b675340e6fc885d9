/** A fenced block of a page. */
export interface DocBlock {
  /** The first word after the fence: `sh`, `text`, `ts`. */
  readonly language: string;
  /** The other words: `run`, `background`, `from <file>`. */
  readonly words: readonly string[];
  readonly content: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
}

/** Finds the fenced blocks of a page, from the top to the end. */
export function blocksOf(page: string): DocBlock[] {
  const blocks: DocBlock[] = [];
  for (const match of page.matchAll(/^(```+)([^\n`]*)\n([\s\S]*?)^\1[ \t]*$/gm)) {
    const [language = '', ...words] = (match[2] ?? '').trim().split(/\s+/);
    const line = page.slice(0, match.index).split('\n').length;
    blocks.push({ language, words, content: match[3] ?? '', line });
  }
  return blocks;
}

/** A block marked `run`. `expected` is the `text` block right after it, or null. */
export interface RunnableBlock {
  readonly script: string;
  readonly expected: string | null;
  /** A background block keeps running while the later blocks run. */
  readonly isBackground: boolean;
  readonly line: number;
}

export function runnableBlocksOf(page: string): RunnableBlock[] {
  const blocks = blocksOf(page);
  return blocks.flatMap((block, index) => {
    if (block.language !== 'sh' || !block.words.includes('run')) return [];
    const next = blocks[index + 1];
    return [
      {
        script: block.content,
        expected: next?.language === 'text' ? next.content : null,
        isBackground: block.words.includes('background'),
        line: block.line,
      },
    ];
  });
}

/**
 * Returns the first line of `expected` that the output lacks, or null. The output must have the lines in the same
 * sequence; other lines may stand between them. `...` in a line stands for any text. White space at the beginning and
 * the end of a line does not count.
 */
export function missingLine(expected: string, output: string): string | null {
  const printed = output.split('\n');
  let next = 0;
  for (const line of expected.split('\n').map((text) => text.trim())) {
    if (line === '' || line === '...') continue;
    const pattern = new RegExp(`^${line.split('...').map(escaped).join('.*')}$`);
    while (next < printed.length && !pattern.test((printed[next] ?? '').trim())) next++;
    if (next === printed.length) return line;
    next++;
  }
  return null;
}

/** Returns the first line of an excerpt that the source lacks in this sequence, or null. Indentation does not count. */
export function staleLine(excerpt: string, source: string): string | null {
  const lines = source.split('\n').map((line) => line.trim());
  let next = 0;
  for (const line of excerpt.split('\n').map((text) => text.trim())) {
    if (line === '' || line.startsWith('//')) continue;
    const found = lines.indexOf(line, next);
    if (found < 0) return line;
    next = found + 1;
  }
  return null;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
