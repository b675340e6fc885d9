import { useQuery, useQueryClient } from '@tanstack/react-query';
import { get, orderPath, pathOf } from '../../api/client.ts';
import { useLiveOrder, useLiveState } from '../../api/live.tsx';
import type { Explanation, OrderEvent } from '../../api/types.ts';
import { type Pages, usePages } from '../../parts/use-pages.ts';

const POLL_MS = 2_000;
export const EVENTS_A_PAGE = 200;

/** The explanation and the events of an order, kept up to date while the page is open. */
export function useOrder(id: string): {
  readonly explanation: ReturnType<typeof useExplanation>;
  readonly events: Pages<OrderEvent>;
} {
  const queries = useQueryClient();
  useLiveOrder(id, (message) => {
    const isOfOrder =
      (message.kind === 'changes' && message.changes.orders.some(({ orderId }) => orderId === id)) ||
      (message.kind === 'delivery' && message.delivery.entityId === id);
    if (isOfOrder) void queries.invalidateQueries({ queryKey: ['order', id] });
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
  return { explanation, events };
}

function useExplanation(id: string, every: number | false) {
  return useQuery({
    queryKey: ['order', id, 'explanation'],
    queryFn: ({ signal }) => get<Explanation>(pathOf(`${orderPath(id)}/explain`), signal),
    refetchInterval: every,
  });
}
