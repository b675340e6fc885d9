import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useTheme } from '../theme.ts';
import type { PlotProps } from './plot.tsx';

const HEIGHT_PX = 150;

/** The picture of a plot. Its colours are those of the style sheet. */
export default function PlotCanvas({ times, lines, textOf, title }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const theme = useTheme();
  const names = lines.map(({ name, color }) => `${name}${color}`).join();
  const latest = useRef({ lines, textOf });
  latest.current = { lines, textOf };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme or other lines need another picture
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    plot.current = new uPlot(optionsOf(latest.current.lines, latest.current.textOf, element), [[]], element);
    const watch = new ResizeObserver(([entry]) => {
      if (entry !== undefined) plot.current?.setSize({ width: entry.contentRect.width, height: HEIGHT_PX });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [theme, names]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new picture needs the data again
  useEffect(() => {
    plot.current?.setData([[...times], ...lines.map(({ values }) => [...values])]);
  }, [times, lines, theme, names]);
  return (
    <div
      className="plot-canvas"
      ref={place}
      role="img"
      aria-label={`${title}; the caption says it in words.`}
    />
  );
}

function optionsOf(
  lines: PlotProps['lines'],
  textOf: PlotProps['textOf'],
  element: HTMLElement,
): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--ink-soft'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: Math.max(100, element.clientWidth),
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _least, most) => [0, most === null || most <= 0 ? 1 : most * 1.15] } },
    axes: [
      { ...axis, size: 26, values: (_plot, seconds) => seconds.map(clockText) },
      { ...axis, size: 58, values: (_plot, values) => values.map((value) => textOf(value)) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.name,
        stroke: color(`--plot-${line.color}`),
        width: 1.75,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

/** The hour and the minute on the clock of this machine. */
function clockText(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}
