import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../../api/client.ts';
import { useLiveOrder, useLiveState } from '../../api/live.tsx';
import { orderPath, pathOf } from '../../api/paths.ts';
import type { Explanation, OrderEvent } from '../../api/types.ts';
import { type Pages, usePages } from '../../parts/use-pages.ts';
import type { StreamedEvent } from './repeats.ts';

const POLL_MS = 2_000;
export const EVENTS_A_PAGE = 200;
const STREAMED_MAX = 100;

/** The explanation and the events of an order, kept up to date while the page is open. */
export function useOrder(id: string): {
  readonly explanation: ReturnType<typeof useExplanation>;
  readonly events: Pages<OrderEvent>;
  /** The events of the order that the stream has told of since the page was opened, the latest first. */
  readonly streamed: readonly StreamedEvent[];
} {
  const queries = useQueryClient();
  const [streamed, setStreamed] = useState<readonly StreamedEvent[]>([]);
  useLiveOrder(id, (message) => {
    const own =
      message.kind === 'changes' ? message.changes.orders.filter(({ orderId }) => orderId === id) : [];
    if (own.length > 0) setStreamed((known) => [...own.toReversed(), ...known].slice(0, STREAMED_MAX));
    if (own.length > 0 || (message.kind === 'delivery' && message.delivery.entityId === id))
      void queries.invalidateQueries({ queryKey: ['order', id] });
  });
  const every = useLiveState() === 'polling' ? POLL_MS : false;
  const explanation = useExplanation(id, every);
  const version = explanation.data?.version ?? 0;
  // A new version is another list, so that no page of the old one is read again and again.
  const events = usePages<OrderEvent>(
    ['order', id, 'events', version],
    `${orderPath(id)}/events`,
    {},
    {
      limit: EVENTS_A_PAGE,
      isEnabled: version > 0,
      keepsOther: true,
    },
  );
  return { explanation, events, streamed };
}

function useExplanation(id: string, every: number | false) {
  return useQuery({
    queryKey: ['order', id, 'explanation'],
    queryFn: ({ signal }) => get<Explanation>(pathOf(`${orderPath(id)}/explain`), signal),
    refetchInterval: every,
  });
}
