import { useQuery } from '@tanstack/react-query';
import type { SyncStatus } from '../../../src/pipeline/sync.ts';
import { get } from './client.ts';
import { usePoll } from './live.tsx';
import { ProblemError } from './problem.ts';
import type { Series } from './types.ts';

/** What the instance that answers says of its work: the counts that the console shows. */
export interface PipelineCounts {
  readonly ingest: Readonly<
    Record<'consumed' | 'journaled' | 'duplicates' | 'outOfOrder' | 'conflicts' | 'quarantined', number>
  > | null;
  readonly deliveries: Readonly<
    Record<
      string,
      Pick<SyncStatus['deliveries'][string], 'delivered' | 'retried' | 'dead' | 'inFlight' | 'breaker'>
    >
  >;
  readonly stuck: { readonly total: number; readonly stuckAfterMs: number } | null;
}

const POLL_MS = 2_000;

export function usePipeline() {
  return useQuery({
    queryKey: ['pipeline'],
    queryFn: ({ signal }) => get<PipelineCounts>('/api/v1/pipeline', signal),
    refetchInterval: usePoll(POLL_MS),
  });
}

/** The last hour of the instance; null from an order-sync that does not keep it. */
export function useSeries() {
  return useQuery({
    queryKey: ['series'],
    queryFn: async ({ signal }) => {
      try {
        return await get<Series>('/api/v1/series', signal);
      } catch (error) {
        if (error instanceof ProblemError && error.status === 404) return null;
        throw error;
      }
    },
    refetchInterval: usePoll(10_000),
  });
}
