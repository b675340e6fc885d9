import { leftToAPerson, shown } from '../../pipeline/status/attention.ts';
import type { OutboxReport, PartitionReport, PartState, StatusReport } from '../../pipeline/status/report.ts';
import type { InstanceAnswer } from './running-instance.ts';

/** The most partitions on one screen. Of more, the screen shows only those that are behind or in trouble. */
const PARTITIONS_SHOWN = 16;
const KINDS_SHOWN = 5;

/** The status as one screen of text. */
export function screenOf(report: StatusReport, answer: InstanceAnswer): string {
  return [
    headLine(report),
    '',
    ...facts(report, answer),
    '',
    ...partitionTable(report.partitions),
    ...(report.outbox.length === 0 ? [] : ['', ...outboxTable(report)]),
    ...quarantineLines(report),
    ...attentionLines(report),
  ].join('\n');
}

/** The status as one line, for output that is no terminal. */
export function summaryLine(report: StatusReport): string {
  const { at, lag, outbox, attention, instance } = report;
  const due = outbox.map(({ target, due: { count, isMore } }) => `${target} ${shown({ count, isMore })} due`);
  const rate = instance === null ? [] : [`${rateOf(instance.perSecond.last10Seconds)} events/s`];
  return [at, verdictOf(report), behind(lag), ...rate, ...due, ...attention.map(({ kind }) => kind)].join(
    '  ',
  );
}

function headLine(report: StatusReport): string {
  return `order-sync  ${report.at}  ${verdictOf(report)}`;
}

function verdictOf({ verdict, attention }: StatusReport): string {
  if (verdict === 'ok') return 'OK';
  if (verdict === 'unreachable') return 'NOT REACHABLE';
  return attention.length === 1 ? 'NEEDS A PERSON' : `NEEDS A PERSON (${attention.length} things)`;
}

function facts(report: StatusReport, answer: InstanceAnswer): string[] {
  const { instance, log, store, lag } = report;
  const lines: [string, string][] = [
    ['Log', partOf(log)],
    ['Store', partOf(store)],
    ['Behind', behind(lag)],
  ];
  if (answer.kind === 'silent') lines.push(['Running', `${answer.url}: ${answer.reason}`]);
  if (instance !== null) {
    const { last10Seconds, lastMinute } = instance.perSecond;
    const { journaled, delivered } = instance.latency;
    lines.push(
      ['Running', `${answer.url}${instance.health.ok ? '' : `, not ready: ${instance.health.reason}`}`],
      ['Rate', `${rateOf(last10Seconds)} events/s (last minute ${rateOf(lastMinute)}/s)`],
      ['Journaled', `${quantiles(journaled)} after the record's timestamp`],
      ['Delivered', `${quantiles(delivered)} after the record's timestamp`],
      ['Verified', verified(instance.verification)],
    );
  }
  return lines.map(([name, text]) => `${name.padEnd(10)} ${text}`);
}

function partOf(part: PartState): string {
  return part.state === 'ok' ? 'answers' : `NOT REACHABLE: ${part.reason}`;
}

function behind({ seconds, messages }: StatusReport['lag']): string {
  if (seconds === null || messages === null) return 'behind by an unknown time';
  if (messages === 0) return 'nothing to read';
  return `${duration(seconds)} behind, ${messages} records`;
}

function quantiles({
  samples,
  p50Seconds,
  p95Seconds,
  p99Seconds,
}: NonNullable<StatusReport['instance']>['latency']['journaled']): string {
  if (samples === 0) return 'nothing in the last 5 min;';
  return `p50 ${latency(p50Seconds)}, p95 ${latency(p95Seconds)}, p99 ${latency(p99Seconds)} (last 5 min)`;
}

function verified(verification: NonNullable<StatusReport['instance']>['verification']): string {
  const { compared, repaired, unfoldable } = verification;
  const left = leftToAPerson(verification);
  const differences = left === '' ? '' : `; left to you: ${left}`;
  return `${compared} rows compared since the start, ${repaired} repaired, ${unfoldable} not foldable${differences}`;
}

function partitionTable(partitions: readonly PartitionReport[]): string[] {
  if (partitions.length === 0) return [];
  const isQuiet = (partition: PartitionReport) =>
    partition.lagMessages === 0 &&
    partition.haltReason === null &&
    partition.hold === null &&
    partition.waitsForTransaction === null;
  const isCut = partitions.length > PARTITIONS_SHOWN;
  const some = isCut ? partitions.filter((partition) => !isQuiet(partition)) : partitions;
  const shownOnes = some.slice(0, PARTITIONS_SHOWN);
  const left = partitions.length - shownOnes.length;
  const unread = some.length - shownOnes.length;
  return [
    ...table([
      ['PARTITION', 'NEXT', 'LOG END', 'LAG', 'AGE', 'NOTES'],
      ...shownOnes.map((partition) => [
        partition.name,
        partition.nextOffset ?? 'not begun',
        partition.logEndOffset ?? '?',
        partition.lagMessages === null ? '?' : String(partition.lagMessages),
        partition.lagSeconds === null
          ? '?'
          : partition.lagMessages === 0
            ? '-'
            : duration(partition.lagSeconds),
        notesOf(partition).join('; '),
      ]),
    ]),
    ...(left === 0 ? [] : [`and ${left} more partitions, ${unread} of them behind or in trouble`]),
  ];
}

function notesOf(partition: PartitionReport): string[] {
  const { haltReason, hold, lagClock, waitsForTransaction, lagUnknown, isOwnedHere } = partition;
  const notes: string[] = [];
  if (haltReason !== null) notes.push('HALTED');
  if (hold !== null) notes.push(hold);
  if (lagUnknown !== null) notes.push(lagUnknown.replace(/\.$/, ''));
  if (lagClock !== null)
    notes.push(lagClock === 'create' ? "age by the producer's clock" : "age by the log's clock");
  if (waitsForTransaction !== null) {
    const { records, sinceSeconds, transactionalId, producerId } = waitsForTransaction;
    const whose = transactionalId ?? (producerId === null ? 'unknown' : `of producer ${producerId}`);
    const since = sinceSeconds === null ? '' : `, open for ${duration(sinceSeconds)}`;
    notes.push(`${records} records wait behind the transaction ${whose}${since}`);
  }
  if (isOwnedHere === true) notes.push('read here');
  return notes;
}

function outboxTable({ outbox, instance }: StatusReport): string[] {
  return table([
    ['TARGET', 'DUE', 'OLDEST', 'RETRIES', 'DEAD', 'BREAKER', 'LAST FAILURE'],
    ...outbox.map((each) => {
      const running = instance?.targets[each.target];
      return [
        each.target,
        shown(each.due),
        oldestOf(each),
        shown(each.retries),
        shown(each.dead),
        breakerOf(running),
        failureOf(each, running),
      ];
    }),
  ]);
}

type RunningTarget = NonNullable<StatusReport['instance']>['targets'][string] | undefined;

function oldestOf({ oldestAgeSeconds, mayBeOlder }: OutboxReport): string {
  return oldestAgeSeconds === null ? '-' : `${duration(oldestAgeSeconds)}${mayBeOlder ? '+' : ''}`;
}

function breakerOf(running: RunningTarget): string {
  if (running === undefined) return '?';
  const { breaker, notClosedForSeconds } = running;
  return notClosedForSeconds === null ? breaker : `${breaker} for ${duration(notClosedForSeconds)}`;
}

function failureOf({ lastFailure, hold }: OutboxReport, running: RunningTarget): string {
  if (hold !== null) return hold;
  const latest = running?.lastFailure;
  if (latest !== null && latest !== undefined && !latest.isOver) return latest.error;
  return lastFailure?.error ?? '-';
}

function quarantineLines({ quarantine, parked }: StatusReport): string[] {
  const lines = quarantine
    .slice(0, KINDS_SHOWN)
    .map(
      ({ records, isMore, topic, reason }) =>
        `  ${shown({ count: records, isMore })} of ${topic} for ${reason}`,
    );
  if (quarantine.length > KINDS_SHOWN) lines.push(`  and ${quarantine.length - KINDS_SHOWN} more kinds`);
  return [
    ...(lines.length === 0 ? [] : ['', 'In quarantine', ...lines]),
    ...(parked === null || parked.count === 0 ? [] : ['', `Parked: ${shown(parked)}`]),
  ];
}

function attentionLines({ attention }: StatusReport): string[] {
  if (attention.length === 0) return [];
  const lines = attention.flatMap(({ text, command }) =>
    command === null ? [`  ${text}`] : [`  ${text}`, `      ${command}`],
  );
  return ['', 'What needs a person', ...lines];
}

/** Columns of even width, apart from the last one. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** A time span for people: `0.3 s`, `42 s`, `12 min 5 s`, `3 h 2 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function latency(seconds: number | null): string {
  if (seconds === null) return '?';
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1_000))} ms` : duration(seconds);
}

function rateOf(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}
