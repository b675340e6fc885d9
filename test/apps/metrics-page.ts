import { ORDER_MGT_METRICS } from '../../src/apps/order-mgt/metrics.ts';
import { ORDER_SYNC_METRICS } from '../../src/apps/order-sync/metrics.ts';
import { METRIC_PREFIX, type MetricDefinition } from '../../src/apps/shared/http/metrics.ts';

type Described = Pick<MetricDefinition<never>, 'name' | 'help' | 'type' | 'labels'>;

/** The page that lists every metric, made of the definitions by which the programs answer. */
export function metricsPage(): string {
  return [
    '# Metrics',
    '',
    'A test writes this page from the definitions of the metrics. [operations.md](operations.md#metrics) says how to read them.',
    'Each program has the metrics of its process too, under the names of prom-client: `process_...` and `nodejs_...`.',
    '',
    ...sectionOf('order-sync', ORDER_SYNC_METRICS),
    ...sectionOf('order-mgt', ORDER_MGT_METRICS),
  ].join('\n');
}

function sectionOf(program: string, definitions: readonly Described[]): string[] {
  const rows = definitions.map(
    ({ name, type, labels, help }) =>
      `| \`${METRIC_PREFIX}${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return [`## ${program}`, '', '| Metric | Type | Labels | Meaning |', '|---|---|---|---|', ...rows, ''];
}
