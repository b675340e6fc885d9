/** Fills the figures into docs/scaling.md: what stands between two marks is made from the newest result of the bench `scale`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../lib/bench.ts';
import type { BenchResult } from '../lib/result.ts';
import { resultsOnRecord } from './page.ts';
import { planOf } from './scaling-plan.ts';
import { type SectionText, tableOf } from './section.ts';
import { SECTIONS } from './texts.ts';

const PAGE = join(ROOT, 'docs', 'scaling.md');

/** What each part of the page shows of a result. */
const PARTS: Readonly<Record<string, (result: BenchResult) => string>> = {
  instances: (result) => tableFor(result, (subject) => /^\d+ instances?$/.test(subject)),
  servers: (result) => tableFor(result, (subject) => /servers?\b/.test(subject)),
  plan: planOf,
};

/** The page with the figures of the newest result of `scale`. */
export function scalingPage(page: string, results: readonly BenchResult[]): string {
  const [newest] = results
    .filter(({ bench }) => bench === 'scale')
    .sort((a, b) => (a.date < b.date ? 1 : -1));
  return page.replaceAll(/(<!-- figures: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin, name, end) => {
    const part = PARTS[name];
    if (part === undefined) throw new Error(`docs/scaling.md has a part ${name} that nothing makes`);
    const shown =
      newest === undefined ? 'No result is on record yet: `npm run bench -- scale`.' : part(newest);
    return `${begin}\n${shown}\n\n${end}`;
  });
}

export function scalingOnDisk(): string {
  return readFileSync(PAGE, 'utf8');
}

export function writeScaling(): string {
  writeFileSync(PAGE, scalingPage(scalingOnDisk(), resultsOnRecord()));
  return 'docs/scaling.md';
}

function tableFor(result: BenchResult, isShown: (subject: string) => boolean): string {
  const text = SECTIONS.find(({ bench }) => bench === result.bench) as SectionText;
  const measures = result.measures.filter(({ subject }) => isShown(subject));
  return `${tableOf(text, { ...result, measures })}\n\n${provenance(result)}`;
}

function provenance({ date, commit, machine }: BenchResult): string {
  return `Measured on ${date.slice(0, 10)} at commit ${commit}, on ${machine.cores} cores of ${machine.cpu} with ${machine.memory_gib} GiB; [performance.md](performance.md#scale) has the versions.`;
}
