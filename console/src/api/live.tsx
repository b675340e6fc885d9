import { useQuery, useQueryClient } from '@tanstack/react-query';
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { get } from './client.ts';
import { useIsKeyWanted } from './key-hooks.ts';
import { stream } from './page-stream.ts';
import { type StatusSample, withStatus } from './status-history.ts';
import type { LiveMessage, LiveState } from './stream.ts';
import type { Status } from './types.ts';

const STATUS_KEY = ['status'] as const;
const POLL_MS = 2_000;
/** The first parts of the keys of queries whose data only the stream keeps up to date. */
const FOLLOWED: ReadonlySet<string> = new Set(['order', 'orders']);

const History = createContext<readonly StatusSample[]>([]);

/** Feeds the stream's messages to the queries, and keeps what the last ten minutes' statuses said about the log. */
export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const queries = useQueryClient();
  const [history, setHistory] = useState<readonly StatusSample[]>([]);
  useEffect(() => {
    const ends = [
      stream.subscribe((message) => {
        if (message.kind === 'status') queries.setQueryData(STATUS_KEY, message.status);
        else if (message.kind === 'reset') void queries.invalidateQueries();
        else if (message.kind === 'begin')
          void queries.invalidateQueries({ predicate: ({ queryKey }) => FOLLOWED.has(String(queryKey[0])) });
      }),
      queries.getQueryCache().subscribe(({ type, query }) => {
        if (type !== 'updated' || query.queryKey[0] !== STATUS_KEY[0] || query.state.data === undefined)
          return;
        const status = query.state.data as Status;
        setHistory((known) =>
          (known.at(-1)?.atMs ?? 0) >= query.state.dataUpdatedAt
            ? known
            : withStatus(known, status, query.state.dataUpdatedAt),
        );
      }),
    ];
    stream.start();
    return () => {
      for (const end of ends) end();
    };
  }, [queries]);
  return <History value={history}>{children}</History>;
}

export function useStatusHistory(): readonly StatusSample[] {
  return useContext(History);
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(stream.onState, stream.state);
}

/** Why no changes come although the stream is there; null if they come. */
export function useLiveProblem(): string | null {
  return useSyncExternalStore(stream.onState, stream.problem);
}

/** The time between two reads of what no message of the stream announces; false while the page is paused. */
export function usePoll(everyMs: number): number | false {
  return useLiveState() === 'paused' ? false : everyMs;
}

/** The status: from the stream, or read every 2 s while there is no stream. */
export function useStatus() {
  const state = useLiveState();
  const isKeyWanted = useIsKeyWanted();
  return useQuery({
    queryKey: STATUS_KEY,
    enabled: !isKeyWanted,
    queryFn: ({ signal }) => get<Status>('/api/v1/status', signal),
    refetchInterval: state === 'live' || state === 'paused' ? false : POLL_MS,
    staleTime: POLL_MS,
  });
}

/** Calls `listener` for every message of the stream while the component is there. */
export function useLive(listener: (message: LiveMessage) => void): void {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => stream.subscribe((message) => latest.current(message)), []);
}

/** Follows one order: each of its events, and its deliveries. */
export function useLiveOrder(orderId: string, listener: (message: LiveMessage) => void): void {
  useLive(listener);
  useEffect(() => stream.watchOrder(orderId), [orderId]);
}
