import { DurationHistogram, type DurationTotals } from '../../core/duration-histogram.ts';
import {
  BUILD_INFO,
  type MetricDefinition,
  MetricsPage,
  PROBLEMS,
  ProblemCounts,
} from '../shared/http/metrics.ts';
import type { Effect, Receipt } from './states.ts';

/** What one scrape shows. */
export interface OrderMgtSnapshot {
  readonly effects: readonly (readonly [effect: Effect, deliveries: number])[];
  readonly commits: DurationTotals;
  readonly problems: ReturnType<ProblemCounts['list']>;
  readonly waitingReaders: number;
  readonly streamListeners: number;
}

/** Counts what order-mgt does. Every count begins at the start of the program and only rises. */
export class OrderMgtCounts {
  readonly problems = new ProblemCounts();
  readonly #commits = new DurationHistogram();
  readonly #effects = new Map<Effect, number>();

  /** Counts a transaction. */
  committed(receipts: readonly Receipt[], tookMs: number): void {
    this.#commits.add(tookMs);
    for (const { effect } of receipts) this.#effects.set(effect, (this.#effects.get(effect) ?? 0) + 1);
  }

  snapshot(): Pick<OrderMgtSnapshot, 'effects' | 'commits' | 'problems'> {
    return {
      effects: [...this.#effects],
      commits: this.#commits.totals(),
      problems: this.problems.list(),
    };
  }
}

export const ORDER_MGT_METRICS: readonly MetricDefinition<OrderMgtSnapshot>[] = [
  BUILD_INFO,
  {
    name: 'states_received_total',
    help: 'Deliveries that were committed, by what became of them.',
    type: 'counter',
    labels: ['effect'],
    read: ({ effects }) => effects.map(([effect, value]) => ({ labels: [effect], value })),
  },
  {
    name: 'state_commit_duration_seconds',
    help: 'The time that one transaction took, which may hold the deliveries of many requests.',
    type: 'histogram',
    labels: [],
    read: ({ commits }) => [{ labels: [], value: commits }],
  },
  PROBLEMS,
  {
    name: 'waiting_readers',
    help: 'Readers that wait for an order, by GET /api/orders/:id?wait=.',
    type: 'gauge',
    labels: [],
    read: ({ waitingReaders }) => [{ labels: [], value: waitingReaders }],
  },
  {
    name: 'stream_listeners',
    help: 'Listeners of the stream of changes.',
    type: 'gauge',
    labels: [],
    read: ({ streamListeners }) => [{ labels: [], value: streamListeners }],
  },
];

/** The metrics of one order-mgt. */
export function orderMgtMetrics(
  counts: OrderMgtCounts,
  present: () => Pick<OrderMgtSnapshot, 'waitingReaders' | 'streamListeners'>,
): MetricsPage<OrderMgtSnapshot> {
  return new MetricsPage(ORDER_MGT_METRICS, async () => ({ ...counts.snapshot(), ...present() }));
}
