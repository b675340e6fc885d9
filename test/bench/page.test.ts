import { describe, expect, it } from 'vitest';
import { atLeast, atMost, measure } from '../../bench/lib/bench.ts';
import type { BenchResult } from '../../bench/lib/result.ts';
import { barPlot } from '../../bench/page/bar-plot.ts';
import { pageOf, pageOnDisk, resultsOnRecord } from '../../bench/page/page.ts';
import type { SectionText } from '../../bench/page/section.ts';
import { SECTIONS } from '../../bench/page/texts.ts';

const TEXT: SectionText = {
  bench: 'race',
  title: 'A race',
  question: 'Who is first?',
  subjects: { road: 'on the road' },
  programs: {
    ours: { title: 'Ours' },
    peer: { title: 'The peer', does: 'half of the work.', why: 'It leaves out half.' },
    limit: { title: 'Light', isLimit: true },
  },
  figures: { metres_per_second: 'm/s' },
  compared: { figure: 'metres_per_second', better: 'higher', ours: 'ours' },
  plots: { metres_per_second: 'Metres a second' },
};

function raced(ours: readonly number[], date = '2026-11-30T10:00:00.000Z'): BenchResult {
  return {
    bench: 'race',
    command: 'npm run bench -- race',
    date,
    commit: '0123456789ab',
    is_dirty: false,
    is_quick: false,
    machine: { cpu: 'a processor', cores: 2, memory_gib: 24, kernel: '6.1.0' },
    versions: { node: 'v24.0.0' },
    facts: { lanes: 4 },
    measures: [
      measure('road', 'ours', 'metres_per_second', ours),
      measure('road', 'peer', 'metres_per_second', [4, 5, 6]),
      measure('road', 'limit', 'metres_per_second', [300_000]),
    ],
    bars: [atLeast('times of the peer', 0.5, 2), atMost('falls', 0, 0)],
    missing: [{ peer: 'the other', reason: 'it did not come' }],
    seconds: 1,
    ok: false,
  };
}

function written(results: readonly BenchResult[]): string {
  return pageOf(results, [TEXT]).get('docs/performance.md') ?? '';
}

describe('the page of performance', () => {
  it('shows the results on record, as npm run bench -- page makes it', () => {
    expect(pageOnDisk()).toEqual(pageOf(resultsOnRecord()));
  });

  it('knows the words for each result on record', () => {
    const known = SECTIONS.map(({ bench }) => bench);
    for (const { bench } of resultsOnRecord()) expect(known).toContain(bench);
  });

  it('shows the median, the range and ours in times of each peer', () => {
    const page = written([raced([2, 3, 2.5])]);
    expect(page).toContain('| on the road | Ours | 2.5 (2 to 3) |  |');
    expect(page).toContain('| on the road | The peer | 5 (4 to 6) | 0.50 times |');
    expect(page).toContain('| on the road | Light | 300,000 | 0.00 times |');
    expect(page).toContain('2 cores of a processor with 24 GiB and Linux 6.1.0');
  });

  it('says what is lost to whom and why, and nothing of limits', () => {
    const page = written([raced([2, 3, 2.5])]);
    expect(page).toContain('- on the road: to The peer, 0.50 times its m/s. It leaves out half.');
    expect(page).not.toContain('to Light');
    expect(written([raced([8, 9, 10])])).not.toContain('What is lost');
  });

  it('says which bars are missed and which peers could not be had', () => {
    const page = written([raced([1])]);
    expect(page).toMatch(/missed:\n\n- times of the peer: 0\.5, must be at least 2\n/);
    expect(page).toMatch(/reached:\n\n- falls: 0, must be at most 0\n/);
    expect(page).toContain('- the other: it did not come');
  });

  it('shows the newest result of a bench', () => {
    const page = written([raced([7], '2026-12-01T10:00:00.000Z'), raced([8])]);
    expect(page).toContain('| on the road | Ours | 7 |');
    expect(page).not.toContain('| on the road | Ours | 8 |');
  });

  it('names the benches without a result', () => {
    expect(written([])).toContain('- A race (`npm run bench -- race`)');
  });
});

describe('barPlot', () => {
  it('draws bars in proportion from 0, with the range of the runs', () => {
    const bar = (label: string, value: number) => ({
      label,
      value,
      low: value,
      high: value,
      text: `${value}`,
    });
    const svg = barPlot('A & B', [{ label: 'x', bars: [bar('one', 50), { ...bar('two', 75), high: 100 }] }]);
    const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect((widths[1] as number) / (widths[0] as number)).toBeCloseTo(1.5, 2);
    expect(svg.match(/<line /g)).toHaveLength(1);
    expect(svg).toContain('A &amp; B');
  });
});
