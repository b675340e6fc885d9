import type { OrderEvent } from '../../api/types.ts';
import { Badge } from '../../parts/badge.tsx';

/** What is unusual about an event. A record that repeats an event is no event of its own, so it is not among them. */
export function EventMarks({ event }: { readonly event: OrderEvent }) {
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
      {topic === '' ? (
        <span title="It was taken over with the table, and comes from no topic.">
          <Badge tone="info">baseline</Badge>
        </span>
      ) : null}
    </span>
  );
}
