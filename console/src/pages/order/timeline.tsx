import type { OrderEvent } from '../../api/types.ts';
import { SCROLL_REGION } from '../../parts/scroll-region.ts';
import { useIsNarrow } from '../../parts/use-is-narrow.ts';
import { plural } from '../../text/numbers.ts';
import { utcText } from '../../text/time.ts';
import { placedEvents, timelineWidth } from './timeline-layout.ts';

interface TimelineProps {
  readonly events: readonly OrderEvent[];
  /** The versions of the events that count at the chosen moment; null for all. */
  readonly counted: ReadonlySet<number> | null;
}

const MARGIN = 22;
const [TOP, BOTTOM, HEIGHT] = [56, 146, 198];
const NUMBERS_MAX = 60;

/** When events happened, and when they arrived: a line that crosses others belongs to an event that came late. */
export function Timeline({ events, counted }: TimelineProps) {
  const isNarrow = useIsNarrow();
  const width = timelineWidth(events.length, isNarrow ? 300 : 900);
  const places = new Map(placedEvents(events, width - 2 * MARGIN).map((place) => [place.version, place]));
  return (
    <>
      <section className="timeline" aria-label="Timeline" {...SCROLL_REGION}>
        <svg
          viewBox={`0 0 ${width} ${HEIGHT}`}
          style={{ minWidth: Math.min(width, isNarrow ? 300 : 560) }}
          role="img"
          aria-label={`${plural(events.length, 'event')} in two lanes: when they happened, and when they arrived. The table below has the same.`}
        >
          <Lane
            y={TOP}
            width={width}
            name="Happened"
            ends={endsOf(events.map(({ occurredAt }) => occurredAt))}
            isAbove
          />
          <Lane
            y={BOTTOM}
            width={width}
            name="Arrived"
            ends={endsOf(events.map(({ journaledAt }) => journaledAt))}
          />
          {events.map(({ version, late, conflictsWith }) => {
            const place = places.get(version);
            if (place === undefined) return null;
            const [x1, x2] = [place.happenedX + MARGIN, place.arrivedX + MARGIN];
            const kind = conflictsWith.length > 0 ? 'conflict' : late === true ? 'late' : 'plain';
            const isOut = counted !== null && !counted.has(version);
            return (
              <g key={version} className={`timeline-event timeline-${kind}${isOut ? ' timeline-out' : ''}`}>
                <path d={`M${x1} ${TOP}C${x1} ${TOP + 45} ${x2} ${BOTTOM - 45} ${x2} ${BOTTOM}`} />
                <circle cx={x1} cy={TOP} r="5.5" />
                <circle cx={x2} cy={BOTTOM} r="5.5" />
                {events.length > NUMBERS_MAX ? null : (
                  <text x={x2} y={BOTTOM + 20} textAnchor="middle">
                    {version}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      </section>
      <Legend events={events} isOut={counted !== null} />
    </>
  );
}

/** What the colours mean, as far as they occur. */
function Legend({ events, isOut }: { readonly events: readonly OrderEvent[]; readonly isOut: boolean }) {
  const signs: readonly (readonly [kind: string, words: string, occurs: boolean])[] = [
    [
      'late',
      'late: it arrived after an event that stands behind it',
      events.some(({ late }) => late === true),
    ],
    [
      'conflict',
      'conflicting: two events of one id with different content',
      events.some(({ conflictsWith }) => conflictsWith.length > 0),
    ],
    ['out', 'hollow: does not count at the chosen moment', isOut],
  ];
  const shown = signs.filter(([, , occurs]) => occurs);
  if (shown.length === 0) return null;
  return (
    <ul className="timeline-legend">
      {shown.map(([kind, words]) => (
        <li key={kind} className={`timeline-sign-${kind}`}>
          {words}
        </li>
      ))}
    </ul>
  );
}

function Lane({
  y,
  width,
  name,
  ends,
  isAbove = false,
}: {
  readonly y: number;
  readonly width: number;
  readonly name: string;
  readonly ends: readonly [string, string];
  readonly isAbove?: boolean;
}) {
  // The numbers of the versions stand right below the lower lane.
  const [nameY, timeY] = isAbove ? [y - 34, y - 17] : [y + 36, y + 51];
  return (
    <g className="timeline-lane">
      <line x1={0} x2={width} y1={y} y2={y} />
      <text x={0} y={nameY} className="timeline-name">
        {name}
      </text>
      <text x={0} y={timeY}>
        {ends[0]}
      </text>
      {ends[0] === ends[1] ? null : (
        <text x={width} y={timeY} textAnchor="end">
          {ends[1]}
        </text>
      )}
    </g>
  );
}

/** The first and the last moment; without the day in the second one if it is that of the first. */
function endsOf(moments: readonly string[]): [string, string] {
  const sorted = [...moments].sort();
  const [first, last] = [utcText(sorted[0] ?? ''), utcText(sorted.at(-1) ?? '')];
  return [first, first.slice(0, 10) === last.slice(0, 10) && first !== last ? last.slice(11) : last];
}
