import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client.ts';
import type { EventSchema } from '../../api/types.ts';

/** The types of events that the domain knows, with their topics and schemas. */
export function useEventSchemas() {
  return useQuery({
    queryKey: ['event schemas'],
    queryFn: async ({ signal }) =>
      (await get<{ readonly data: readonly EventSchema[] }>('/api/v1/event-schemas', signal)).data,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
