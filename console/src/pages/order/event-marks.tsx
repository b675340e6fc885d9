import type { OrderEvent } from '../../api/types.ts';
import { Badge } from '../../parts/badge.tsx';

interface Props {
  readonly event: OrderEvent;
  /** The places of records that repeated it while the page was open. They are not journaled, so nobody keeps them. */
  readonly repeats: readonly string[];
}

/** What is unusual about an event. */
export function EventMarks({ event, repeats }: Props) {
  const { late, conflictsWith, topic } = event;
  return (
    <span className="marks">
      {late === true ? (
        <span title="It arrived after an event that stands behind it.">
          <Badge tone="warn">late</Badge>
        </span>
      ) : null}
      {conflictsWith.length > 0 ? (
        <span title="Another event has the same id and another content. Both are journaled.">
          <Badge tone="bad">conflicts with {conflictsWith.join(', ')}</Badge>
        </span>
      ) : null}
      {repeats.map((place) => (
        <span key={place} title={`The record ${place} repeats it, and so was not journaled.`}>
          <Badge tone="info">duplicate came: {place}</Badge>
        </span>
      ))}
      {topic === '' ? (
        <span title="It was taken over with the table, and comes from no topic.">
          <Badge tone="info">baseline</Badge>
        </span>
      ) : null}
    </span>
  );
}
