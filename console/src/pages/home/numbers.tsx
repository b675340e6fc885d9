import { Link } from 'wouter';
import type { Status } from '../../api/types.ts';
import { boundedText, countText } from '../../text/numbers.ts';
import { latencyText, spanText } from '../../text/time.ts';

interface Tile {
  readonly title: string;
  readonly value: string;
  readonly words: string;
  readonly href: string;
  readonly tone: 'good' | 'warn' | 'bad' | 'plain';
}

const LAG_FINE_SECONDS = 10;

/** The numbers of the first glance. Each is a link to the page behind it. */
export function Numbers({ status }: { readonly status: Status }) {
  return (
    <ul className="tiles" aria-label="Numbers">
      {tilesOf(status).map(({ title, value, words, href, tone }) => (
        <li key={title}>
          <Link href={href} className={`tile tile-${tone}`}>
            <span className="tile-title">{title}</span>
            <span className="tile-value">{value}</span>
            <span className="tile-words">{words}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function tilesOf({ lag, instance, outbox, quarantine, partitions }: Status): Tile[] {
  const delivered = instance?.latency.delivered;
  const sum = (counts: readonly { readonly count: number; readonly isMore: boolean }[]) => ({
    count: counts.reduce((total, { count }) => total + count, 0),
    isMore: counts.some(({ isMore }) => isMore),
  });
  const due = sum(outbox.map((each) => each.due));
  const dead = sum(outbox.map((each) => each.dead));
  const open = sum(quarantine.map(({ records, isMore }) => ({ count: records, isMore })));
  const halted = partitions.filter(({ haltReason }) => haltReason !== null).length;
  const oldest = Math.max(0, ...outbox.map(({ oldestAgeSeconds }) => oldestAgeSeconds ?? 0));
  return [
    {
      title: 'Lag',
      value: lag.seconds === null ? '?' : spanText(lag.seconds),
      words: lag.messages === null ? 'not known' : `${countText(lag.messages)} records to read`,
      href: '/pipeline',
      tone: lag.seconds === null ? 'warn' : lag.seconds > LAG_FINE_SECONDS ? 'warn' : 'good',
    },
    {
      title: 'End to end',
      value: delivered?.p95Seconds == null ? '–' : latencyText(delivered.p95Seconds * 1_000),
      words:
        delivered === undefined || delivered.samples === 0
          ? 'nothing delivered in 5 min'
          : 'p95 of the last 5 min, from record to target',
      href: '/pipeline?tab=instance',
      tone: 'plain',
    },
    {
      title: 'Due',
      value: boundedText(due),
      words: due.count === 0 ? 'the targets have all states' : `oldest for ${spanText(oldest)}`,
      href: '/deliveries?status=pending',
      tone: 'plain',
    },
    {
      title: 'Dead letters',
      value: boundedText(dead),
      words: dead.count === 0 ? 'every delivery gets through' : 'wait for a redrive',
      href: '/deliveries?status=dead',
      tone: dead.count === 0 ? 'good' : 'bad',
    },
    {
      title: 'Quarantine',
      value: boundedText(open),
      words: open.count === 0 ? 'every record is an event' : 'records were refused',
      href: '/quarantine',
      tone: open.count === 0 ? 'good' : 'warn',
    },
    {
      title: 'Halted partitions',
      value: countText(halted),
      words: halted === 0 ? 'all are read' : 'wait for a decision',
      href: '/pipeline',
      tone: halted === 0 ? 'good' : 'bad',
    },
  ];
}
