/** One line of `/metrics`. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly help: string;
  readonly type: string;
}

/**
 * Reads the text format of Prometheus strictly: throws for a line that is none, for a series whose metric has no type, and
 * for a series that comes twice. Source: Prometheus, "Exposition formats".
 */
export function readMetrics(text: string): { families: Map<string, Family>; series: Series[] } {
  const families = new Map<string, Family>();
  const series: Series[] = [];
  const seen = new Set<string>();
  let help = '';
  for (const line of text.split('\n')) {
    const ofHelp = /^# HELP (\S+) (.+)$/.exec(line);
    const ofType = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (ofHelp !== null) help = ofHelp[2] ?? '';
    else if (ofType !== null) families.set(ofType[1] ?? '', { help, type: ofType[2] ?? '' });
    else if (line !== '') series.push(seriesOf(line, families, seen));
  }
  return { families, series };
}

function seriesOf(line: string, families: ReadonlyMap<string, Family>, seen: Set<string>): Series {
  const parts = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (parts === null) throw new Error(`This is no series: ${line}`);
  const [, name = '', labelText = '', value = ''] = parts;
  const family = families.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
  if (!families.has(family)) throw new Error(`${name} has no type.`);
  const labels = [...labelText.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
  if (labels.map(([whole]) => whole).join('') !== labelText)
    throw new Error(`These are no labels: ${labelText}`);
  const key = `${name}{${labelText}}`;
  if (seen.has(key)) throw new Error(`${key} comes twice.`);
  seen.add(key);
  return {
    name,
    labels: Object.fromEntries(labels.map(([, label = '', text = '']) => [label, text])),
    value: Number(value.replace('Inf', 'Infinity')),
  };
}

/** The value of one series; undefined if there is none. */
export function seriesValue(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return series.find(
    (each) =>
      each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value),
  )?.value;
}
