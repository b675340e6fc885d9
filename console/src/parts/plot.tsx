import { lazy, Suspense } from 'react';

export interface PlotLine {
  readonly name: string;
  /** The number of a colour of the style sheet: `--plot-1` to `--plot-4`. */
  readonly color: 1 | 2 | 3 | 4;
  readonly values: readonly (number | null)[];
}

export interface PlotProps {
  readonly title: string;
  readonly unit: string;
  readonly times: readonly number[];
  readonly lines: readonly PlotLine[];
  readonly textOf: (value: number) => string;
}

const Canvas = lazy(() => import('./plot-canvas.tsx'));

/** Lines over time. The caption says in words what the picture shows. */
export function Plot(props: PlotProps) {
  return (
    <figure className="plot">
      <figcaption>
        <strong>{props.title}</strong>
        <ul className="plot-legend">
          {props.lines.map((line) => (
            <li key={line.name} className={`plot-line-${line.color}`}>
              {line.name} {wordsOf(line, props.textOf)}
            </li>
          ))}
        </ul>
      </figcaption>
      <Suspense fallback={<div className="plot-canvas" />}>
        <Canvas {...props} />
      </Suspense>
    </figure>
  );
}

function wordsOf({ values }: PlotLine, textOf: PlotProps['textOf']): string {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return 'not known yet';
  return `${textOf(last)}, at most ${textOf(known.reduce((most, value) => Math.max(most, value), last))}`;
}
