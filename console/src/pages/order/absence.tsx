import { Link } from 'wouter';
import type { Explanation } from '../../api/types.ts';
import { Card } from '../../parts/card.tsx';
import { Time } from '../../parts/time.tsx';
import { countText } from '../../text/numbers.ts';

/** Where events of the order may be that it lacks: behind a halt or a pause, left out by a decision, or in the quarantine. */
export function Absence({ explanation }: { readonly explanation: Explanation }) {
  const { halts, holds, leftOut, refusedRecords } = explanation;
  if (halts.length + holds.length + leftOut.length + refusedRecords.length === 0) return null;
  return (
    <Card title="Where events or deliveries of it may wait">
      <ul className="absence">
        {halts.map(({ topic, partition, waitingRecords }) => (
          <li key={`halt ${topic}/${partition}`}>
            {topic}/{partition} is halted
            {waitingRecords === null ? '' : `, and ${countText(waitingRecords)} offsets wait there`}.{' '}
            <Link href="/pipeline">Decide where it goes on</Link>
          </li>
        ))}
        {holds.map(({ name, heldBy, reason }) => (
          <li key={`hold ${name}`}>
            Paused: {name}, by {heldBy}: {reason}. <Link href="/pipeline?tab=pauses">See the pauses</Link>
          </li>
        ))}
        {leftOut.map(({ topic, partition, fromOffset, lastOffset, decidedBy, decidedAt, reason }) => (
          <li key={`left out ${topic}/${partition} ${fromOffset} ${decidedAt}`}>
            The offsets {fromOffset} to {lastOffset} of {topic}/{partition} were left out by {decidedBy},{' '}
            <Time at={decidedAt} />: {reason}
          </li>
        ))}
        {refusedRecords.map(({ topic, partition, offset, reason }) => (
          <li key={`refused ${topic}/${partition}/${offset}`}>
            A record with its id as key was refused for <code>{reason}</code>:{' '}
            <Link href={`/quarantine/${encodeURIComponent(topic)}/${partition}/${offset}`}>
              {topic}/{partition}/{offset}
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}
