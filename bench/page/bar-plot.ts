/** Draws bars as SVG: a group for each subject, in it a bar for each program with a line from its lowest to its highest run. */

export interface PlottedBar {
  readonly label: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly text: string;
}

export interface PlottedGroup {
  readonly label: string;
  readonly bars: readonly PlottedBar[];
}

const WIDTH = 760;
const LABELS = 230;
const VALUES = 110;
const ROW = 22;
const GROUP_GAP = 30;
const TOP = 34;
/** Colours that people with any colour vision tell apart (Okabe and Ito), readable on white and on dark grounds. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f'];
/** Text takes the colour of the reader's theme. */
const STYLE = `text{font:13px system-ui,sans-serif;fill:#1f2328}.h{font-weight:600}.w{stroke:#1f2328;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.w{stroke:#e6edf3}}`;

/** Each program has the same colour in all groups. Bars begin at 0, so that their lengths compare. */
export function barPlot(title: string, groups: readonly PlottedGroup[]): string {
  const programs = [...new Set(groups.flatMap(({ bars }) => bars.map(({ label }) => label)))];
  const highest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ high }) => high)), Number.MIN_VALUE);
  const scale = (WIDTH - LABELS - VALUES) / highest;
  const lines: string[] = [];
  let y = TOP;
  for (const group of groups) {
    if (group.label !== '') {
      y += 8;
      lines.push(text(0, y + 14, group.label, 'h'));
      y += GROUP_GAP - 8;
    }
    for (const bar of group.bars) {
      const colour = COLOURS[programs.indexOf(bar.label) % COLOURS.length];
      const end = (value: number) => (LABELS + value * scale).toFixed(1);
      const middle = y + ROW / 2 - 1;
      lines.push(
        text(0, y + 15, bar.label),
        `<rect x="${LABELS}" y="${y + 2}" width="${(bar.value * scale).toFixed(1)}" height="${ROW - 6}" fill="${colour}"/>`,
      );
      if (bar.high > bar.low)
        lines.push(
          `<line class="w" x1="${end(bar.low)}" x2="${end(bar.high)}" y1="${middle}" y2="${middle}"/>`,
        );
      lines.push(text(LABELS + bar.high * scale + 6, y + 15, bar.text));
      y += ROW;
    }
  }
  const height = y + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
${text(0, 18, title, 'h')}
${lines.join('\n')}
</svg>
`;
}

function text(x: number, y: number, words: string, style = ''): string {
  const styled = style === '' ? '' : ` class="${style}"`;
  return `<text x="${Number(x.toFixed(1))}" y="${y}"${styled}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
