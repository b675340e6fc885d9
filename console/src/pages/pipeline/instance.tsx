import type { Status } from '../../api/types.ts';
import { usePipeline } from '../../api/use-pipeline.ts';
import { Badge } from '../../parts/badge.tsx';
import { Card } from '../../parts/card.tsx';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { JsonView } from '../../parts/json-view.tsx';
import { boundedText, countText, rateText } from '../../text/numbers.ts';
import { latencyText } from '../../text/time.ts';
import { said } from '../../text/words.ts';

type OneInstance = NonNullable<Status['instance']>;

/** The instance that answers. Others of the group answer for themselves, at their own addresses. */
export function Instance({ status: { instance, parked } }: { readonly status: Status }) {
  const { data: pipeline } = usePipeline();
  if (instance === null) return <EmptyState title="The instance says nothing of itself yet." />;
  const { health, owned, waiting, perSecond, storeId } = instance;
  return (
    <>
      <p className="page-intro">
        This is the instance that answers. Others of the group say this of themselves at their own addresses.
      </p>
      <Card title="Health">
        <dl className="facts">
          <dt>State</dt>
          <dd>
            {health.ok ? <Badge tone="good">ready</Badge> : <Badge tone="bad">not ready</Badge>}{' '}
            {health.reason ?? ''}
          </dd>
          <dt>Store</dt>
          <dd className="id">{storeId ?? 'not known yet'}</dd>
          <dt>Partitions</dt>
          <dd>
            {countText(owned.length)} owned{owned.length === 0 ? '' : `: ${owned.join(', ')}`}
          </dd>
          <dt>Given, and not readable</dt>
          <dd>
            {waiting.length === 0
              ? 'none'
              : waiting.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}
          </dd>
          <dt>Journals</dt>
          <dd>
            {rateText(perSecond.last10Seconds)} records a second in the last 10 s,{' '}
            {rateText(perSecond.lastMinute)} in the last minute
          </dd>
        </dl>
      </Card>
      <Card title={said('Parked orders')}>
        {parked === null || parked.count === 0 ? (
          <p className="faint">{said('None: the program understands every order.')}</p>
        ) : (
          <p>
            {boundedText(parked)} {said('orders cannot be folded by this program.')} Their events are
            journaled, and their rows do not change. <code>{said('order-sync parked')}</code> lists them, and
            the page of each says why.
          </p>
        )}
      </Card>
      <Card title="Latency of the last 5 minutes">
        <DataTable
          label="Latency"
          columns={LATENCY_COLUMNS}
          rows={latencies(instance)}
          idOf={({ name }) => name}
        />
      </Card>
      <Card title="Defects">
        <Defects defects={instance.defects} />
      </Card>
      <Card title="Comparison with the journal">
        <JsonView value={instance.verification} label="Comparison with the journal" />
      </Card>
      <Card title="Everything that this instance says">
        {pipeline === undefined ? null : <JsonView value={pipeline} label="The pipeline of this instance" />}
      </Card>
    </>
  );
}

interface Latency {
  readonly name: string;
  readonly quantiles: OneInstance['latency']['journaled'];
}

function latencies({ latency }: OneInstance): Latency[] {
  return [
    { name: 'from the record to the journal', quantiles: latency.journaled },
    { name: 'from the record to a target', quantiles: latency.delivered },
  ];
}

const seconds = (value: number | null) => (value === null ? '–' : latencyText(value * 1_000));

const LATENCY_COLUMNS: readonly TableColumn<Latency>[] = [
  { id: 'name', header: 'Way', isName: true, cell: ({ name }) => name },
  { id: 'p50', header: 'p50', isNumber: true, cell: ({ quantiles }) => seconds(quantiles.p50Seconds) },
  { id: 'p95', header: 'p95', isNumber: true, cell: ({ quantiles }) => seconds(quantiles.p95Seconds) },
  { id: 'p99', header: 'p99', isNumber: true, cell: ({ quantiles }) => seconds(quantiles.p99Seconds) },
  { id: 'samples', header: 'Samples', isNumber: true, cell: ({ quantiles }) => countText(quantiles.samples) },
];

function Defects({ defects }: Pick<OneInstance, 'defects'>) {
  const { count, latest } = defects as { readonly count?: number; readonly latest?: readonly object[] };
  if (count === undefined || count === 0) return <p className="faint">None since the start.</p>;
  return (
    <>
      <p>{countText(count)} since the start. The log lines of level error have the stacks to report.</p>
      <JsonView value={latest ?? []} label="The latest defects" />
    </>
  );
}
