/** What a rule has to see, in the notation of promtool, and when it fires. A value is given every 30 s. */
export interface AlertStory {
  readonly series: Readonly<Record<string, string>>;
  /** The rule fires at this minute, and not before the minute `quietUntil` is over. */
  readonly firesAt: number;
  readonly quietUntil?: number;
}

/** One story for each rule in which it fires, and no other does. */
export const ALERT_STORIES: Readonly<Record<string, AlertStory>> = {
  TributaryDown: {
    series: { 'up{job="order-sync",instance="a"}': '1 0+0x20', 'up{job="order-mgt",instance="b"}': '1+0x20' },
    firesAt: 3,
    quietUntil: 1,
  },
  TributaryLagging: {
    series: {
      'tributary_consumer_lag_seconds{topic="order_events",partition="0",instance="a"}': '61+30x20',
      'tributary_consumer_lag_seconds{topic="order_events",partition="1",instance="a"}': '2+0x20',
    },
    firesAt: 3,
    quietUntil: 1,
  },
  TributaryNothingJournaled: {
    series: {
      'tributary_events_consumed_total{topic="order_events",type="ORDER",instance="a"}': '100+10x4 140+0x20',
      'tributary_consumer_lag_messages{topic="order_events",partition="0",instance="a"}': '0+1x25',
    },
    firesAt: 8,
    quietUntil: 5,
  },
  TributaryPartitionHalted: {
    series: { 'tributary_partitions{state="halted",instance="a"}': '0 1+0x20' },
    firesAt: 1,
    quietUntil: 0,
  },
  TributaryPartitionWaiting: {
    series: { 'tributary_partitions{state="waiting",instance="a"}': '0 2+0x20' },
    firesAt: 3,
    quietUntil: 2,
  },
  TributaryTransactionOpen: {
    series: {
      'tributary_records_behind_open_transaction{topic="order_events",partition="0",instance="a"}': '5+0x40',
    },
    firesAt: 11,
    quietUntil: 9,
  },
  TributaryBreakerOpen: {
    series: { 'tributary_circuit_breaker_state{target="order-mgt",instance="a"}': '0 2+0x20' },
    firesAt: 3,
    quietUntil: 2,
  },
  TributaryOutboxOld: {
    series: { 'tributary_outbox_oldest_age_seconds{target="order-mgt",instance="a"}': '290+30x20' },
    firesAt: 4,
    quietUntil: 2,
  },
  TributaryDeadLetters: {
    series: { 'tributary_dead_letters{target="order-mgt",instance="a"}': '0 1+0x20' },
    firesAt: 1,
    quietUntil: 0,
  },
  TributaryQuarantineFilling: {
    series: {
      'tributary_events_consumed_total{topic="order_events",type="refused",instance="a"}': '3+0x3 4+0x20',
    },
    firesAt: 3,
    quietUntil: 1,
  },
  TributaryEntitiesParked: {
    series: { 'tributary_parked_entities{instance="a"}': '0 1+0x20' },
    firesAt: 1,
    quietUntil: 0,
  },
  TributaryOrdersStuck: {
    series: { 'tributary_stuck_orders{instance="a"}': '0 3+0x20' },
    firesAt: 1,
    quietUntil: 0,
  },
  TributaryViewRepaired: {
    series: { 'tributary_rows_repaired_total{instance="a"}': '0+0x3 1+0x20' },
    firesAt: 3,
    quietUntil: 1,
  },
  TributaryLedgerDiffers: {
    series: { 'tributary_differences_total{kind="ledger_wrong",instance="a"}': '0+0x3 1+0x20' },
    firesAt: 3,
    quietUntil: 1,
  },
  TributaryTargetDiffers: {
    series: { 'tributary_sweep_differences{target="order-mgt",kind="missing",instance="a"}': '1+0x300' },
    firesAt: 121,
    quietUntil: 119,
  },
  TributaryDefect: {
    series: { 'tributary_defects_total{instance="a"}': '0+0x3 1+0x20' },
    firesAt: 3,
    quietUntil: 1,
  },
};

/** Values of a system in which all is well, for all rules at once. */
export const ALL_IS_WELL: Readonly<Record<string, string>> = {
  'up{job="order-sync",instance="a"}': '1+0x300',
  'up{job="order-mgt",instance="b"}': '1+0x300',
  'up{job="something-else",instance="c"}': '0+0x300',
  'tributary_consumer_lag_seconds{topic="order_events",partition="0",instance="a"}': '3+0x300',
  'tributary_consumer_lag_messages{topic="order_events",partition="0",instance="a"}': '50+0x300',
  'tributary_events_consumed_total{topic="order_events",type="ORDER",instance="a"}': '0+100x300',
  'tributary_events_consumed_total{topic="order_events",type="refused",instance="a"}': '7+0x300',
  'tributary_partitions{state="owned",instance="a"}': '4+0x300',
  'tributary_partitions{state="halted",instance="a"}': '0+0x300',
  'tributary_partitions{state="waiting",instance="a"}': '0+0x300',
  'tributary_records_behind_open_transaction{topic="order_events",partition="0",instance="a"}': '0+0x300',
  'tributary_circuit_breaker_state{target="order-mgt",instance="a"}': '0+0x300',
  'tributary_outbox_oldest_age_seconds{target="order-mgt",instance="a"}': '1+0x300',
  'tributary_dead_letters{target="order-mgt",instance="a"}': '0+0x300',
  'tributary_parked_entities{instance="a"}': '0+0x300',
  'tributary_stuck_orders{instance="a"}': '0+0x300',
  'tributary_rows_repaired_total{instance="a"}': '2+0x300',
  'tributary_differences_total{kind="row_altered",instance="a"}': '0+1x300',
  'tributary_differences_total{kind="ledger_wrong",instance="a"}': '2+0x300',
  'tributary_sweep_differences{target="order-mgt",kind="missing",instance="a"}': '0+0x300',
  'tributary_sweep_differences{target="order-mgt",kind="unexpected",instance="a"}': '3+0x300',
  'tributary_defects_total{instance="a"}': '1+0x300',
};

/** The file for `promtool test rules` that tells all stories. */
export function promtoolTests(rulesFile: string): object {
  const firing = (alerts: readonly string[], minute: number) => ({
    expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
    eval_time: `${minute}m`,
    exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
  });
  const seriesOf = (series: AlertStory['series']) =>
    Object.entries(series).map(([name, values]) => ({ series: name, values }));
  return {
    rule_files: [rulesFile],
    evaluation_interval: '30s',
    tests: [
      {
        interval: '30s',
        input_series: seriesOf(ALL_IS_WELL),
        promql_expr_test: [firing([], 5), firing([], 60), firing([], 145)],
      },
      ...Object.entries(ALERT_STORIES).map(([alert, { series, firesAt, quietUntil }]) => ({
        interval: '30s',
        input_series: seriesOf(series),
        promql_expr_test: [
          ...(quietUntil === undefined ? [] : [firing([], quietUntil)]),
          firing([alert], firesAt),
        ],
      })),
    ],
  };
}
