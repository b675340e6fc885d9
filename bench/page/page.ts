/** Makes docs/performance.md and its plots from the newest result of each bench. No figure in it is typed by hand. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESULTS, ROOT } from '../lib/bench.ts';
import { type BenchResult, parseResult } from '../lib/result.ts';
import { type SectionText, sectionOf } from './section.ts';
import { SECTIONS } from './texts.ts';

const INTRODUCTION = `# Performance

How fast Tributary is, what it costs, and how it does beside others. \`npm run bench -- page\` makes this page and its plots from
the results in \`bench/results\`, and a test fails if they differ, so no figure here is typed by hand. [checks.md](checks.md) says
how each bench measures.

Every comparison is within one run: the same machine, the same Kafka, the same database, the programs by turns. A figure is the
median of the runs; where a range follows, it is that of the lowest and the highest run, which a plot shows as a line. Figures of
different sections are from different runs, and do not compare.`;

/** The files of the page, by their paths from the root of the repository. */
export function pageOf(
  results: readonly BenchResult[],
  texts: readonly SectionText[] = SECTIONS,
): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const parts = [INTRODUCTION];
  for (const text of texts) {
    const result = newestOf(results, text.bench);
    if (result === undefined) continue;
    const section = sectionOf(text, result);
    parts.push(section.markdown);
    for (const [name, svg] of section.plots) files.set(`docs/performance/${name}`, svg);
  }
  const lacking = texts.filter(({ bench }) => newestOf(results, bench) === undefined);
  if (lacking.length > 0)
    parts.push(
      `## Not on record\n\nThese benches have no result yet:\n\n${lacking
        .map(({ bench, title }) => `- ${title} (\`npm run bench -- ${bench}\`)`)
        .join('\n')}`,
    );
  files.set('docs/performance.md', `${parts.join('\n\n')}\n`);
  return files;
}

function newestOf(results: readonly BenchResult[], bench: string): BenchResult | undefined {
  return results.filter((each) => each.bench === bench).sort((a, b) => (a.date < b.date ? 1 : -1))[0];
}

export function resultsOnRecord(): BenchResult[] {
  const names = readdirSync(RESULTS).filter((name) => name.endsWith('.json'));
  return names.map((name) => parseResult(readFileSync(join(RESULTS, name), 'utf8')));
}

/** The files of the page as they are on disk. */
export function pageOnDisk(): ReadonlyMap<string, string> {
  const plots = existsSync(join(ROOT, 'docs/performance')) ? readdirSync(join(ROOT, 'docs/performance')) : [];
  const paths = [...plots.map((name) => `docs/performance/${name}`), 'docs/performance.md'];
  return new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

/** Writes the page, and deletes the plots that it no longer shows. */
export function writePage(): string[] {
  const files = pageOf(resultsOnRecord());
  rmSync(join(ROOT, 'docs/performance'), { recursive: true, force: true });
  mkdirSync(join(ROOT, 'docs/performance'), { recursive: true });
  for (const [path, content] of files) writeFileSync(join(ROOT, path), content);
  return [...files.keys()];
}
