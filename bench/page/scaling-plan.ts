/** Works out what 1,000,000 events a second need, from what one event costs by a result of the bench `scale`. */
import { medianOf } from '../lib/bench.ts';
import type { BenchResult } from '../lib/result.ts';

const TARGET_PER_SECOND = 1_000_000;
/** A machine that has no more than this of its time in use takes peaks and the loss of a neighbour. */
const BUSY_SHARE = 0.6;
/** The cores of one database server in the plan. */
const SERVER_CORES = 32;
const SECONDS_A_DAY = 86_400;
const GIGABYTE = 1e9;

/** The plan as a table: what was measured, and what follows for the target. */
export function planOf(result: BenchResult): string {
  const subjects = [...new Set(result.measures.map(({ subject }) => subject))];
  const counts = subjects.flatMap(
    (subject) => /^(\d+) instances?$/.exec(subject)?.slice(1).map(Number) ?? [],
  );
  const ofInstances = (count: number, figure: string) =>
    medianOf(result.measures, count === 1 ? '1 instance' : `${count} instances`, 'order-sync', figure) ?? 0;
  // What more instances cost shows in order-sync; those on the machine of the database also take its cores.
  const ofMost = (figure: string) => ofInstances(Math.max(...counts), figure);
  const ofFewest = (figure: string) => ofInstances(Math.min(...counts), figure);
  const ofServers = (pattern: RegExp, figure: string) =>
    medianOf(result.measures, subjects.find((each) => pattern.test(each)) ?? '', 'order-sync', figure) ?? 0;

  const sync = ofMost('cpu_seconds_per_million_order_sync');
  const kafka = ofFewest('cpu_seconds_per_million_kafka');
  const database = ofFewest('cpu_seconds_per_million_database');
  const log = ofFewest('log_bytes_per_event');
  const one = ofServers(/^one/, 'cpu_seconds_per_million_database');
  const two = ofServers(/^two/, 'cpu_seconds_per_million_database');
  const proxy = ofServers(/^two/, 'cpu_seconds_per_million_proxy');
  const growth = one === 0 ? 1 : two / one;

  const cores = (perMillion: number) => (perMillion * TARGET_PER_SECOND) / 1e6 / BUSY_SHARE;
  const instances = Math.ceil(cores(sync));
  const partitions = 2 ** Math.ceil(Math.log2(instances * 2));
  const shardedDatabase = cores(database * growth);
  const servers = Math.ceil(shardedDatabase / SERVER_CORES);
  const logPerSecond = (log * TARGET_PER_SECOND) / GIGABYTE;
  const rows: readonly (readonly string[])[] = [
    [
      'order-sync',
      `${written(sync)} CPU s per million events, about one core in a process`,
      `${instances} instances of one core`,
    ],
    [
      'Kafka partitions',
      'a partition belongs to one instance',
      `${partitions} of each topic, so that each instance has at least 2`,
    ],
    [
      'Kafka brokers, reading',
      `${written(kafka)} CPU s per million events`,
      `${written(cores(kafka))} cores, without replication`,
    ],
    [
      'Database servers',
      `${written(database)} CPU s per million events into one server by one instance; ${written(growth)} times that with transactions of two phases`,
      `${written(shardedDatabase)} cores: ${servers} servers of ${SERVER_CORES} cores`,
    ],
    [
      'Redo logs',
      `${written(log)} bytes an event`,
      `${written(logPerSecond)} GB a second in all, ${written(logPerSecond / servers)} GB a second on each server, ${written((logPerSecond * SECONDS_A_DAY) / 1_000)} TB a day`,
    ],
    [
      'Proxies',
      `${written(proxy)} CPU s per million events in ShardingSphere-Proxy`,
      `${written(cores(proxy))} cores`,
    ],
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['Part', 'Measured', `For ${TARGET_PER_SECOND.toLocaleString('en-US')} events/s`]),
    line(['---', '---', '---']),
    ...rows.map(line),
    '',
    `All cores are counted as busy for ${BUSY_SHARE * 100}% of the time at most, and are cores of the machine that was measured.`,
  ].join('\n');
}

/** Up to three digits that count. */
function written(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}
