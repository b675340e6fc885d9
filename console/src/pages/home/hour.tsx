import { useMemo } from 'react';
import type { Quantiles, Series } from '../../api/types.ts';
import { useSeries } from '../../api/use-pipeline.ts';
import { Card } from '../../parts/card.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Plot, type PlotLine } from '../../parts/plot.tsx';
import { rateText } from '../../text/numbers.ts';
import { latencyText, spanText } from '../../text/time.ts';

/** The last hour of the instance that answers, as plots. */
export function Hour() {
  const { data: series, error } = useSeries();
  return (
    <Card title="The last hour of this instance">
      {error === null ? null : <ErrorNote error={error} />}
      {series === null ? (
        <p className="faint">This order-sync keeps no series of the last hour. A newer one does.</p>
      ) : series === undefined || series.points.length < 2 ? (
        <p className="faint">The first points are there 20 seconds after the start.</p>
      ) : (
        <Plots series={series} />
      )}
    </Card>
  );
}

function Plots({ series }: { readonly series: Series }) {
  const { times, rates, lag, journaled, delivered } = useMemo(() => linesOf(series), [series]);
  const perSecond = (value: number) => `${rateText(value)}/s`;
  return (
    <div className="plots">
      <Plot title="Lag" unit="s" times={times} lines={lag} textOf={spanText} />
      <Plot title="Throughput" unit="1/s" times={times} lines={rates} textOf={perSecond} />
      <Plot title="From record to journal" unit="ms" times={times} lines={journaled} textOf={latencyText} />
      <Plot title="From record to target" unit="ms" times={times} lines={delivered} textOf={latencyText} />
    </div>
  );
}

function linesOf({ points, stepSeconds }: Series) {
  const quantiles = (of: (point: Series['points'][number]) => Quantiles | null): PlotLine[] => [
    { name: 'p50', color: 1, values: points.map((point) => of(point)?.p50 ?? null) },
    { name: 'p95', color: 2, values: points.map((point) => of(point)?.p95 ?? null) },
    { name: 'p99', color: 3, values: points.map((point) => of(point)?.p99 ?? null) },
  ];
  const rates: PlotLine[] = [
    { name: 'records', color: 1, values: points.map(({ records }) => records / stepSeconds) },
    { name: 'due', color: 2, values: points.map(({ due }) => due / stepSeconds) },
    { name: 'delivered', color: 3, values: points.map(({ delivered }) => delivered / stepSeconds) },
    { name: 'refused', color: 4, values: points.map(({ refused }) => refused / stepSeconds) },
  ];
  return {
    times: points.map(({ at }) => Date.parse(at) / 1_000),
    rates,
    lag: [{ name: 'lag', color: 1, values: points.map(({ lagSeconds }) => lagSeconds) }] satisfies PlotLine[],
    journaled: quantiles(({ journaledMs }) => journaledMs),
    delivered: quantiles(({ deliveredMs }) => deliveredMs),
  };
}
