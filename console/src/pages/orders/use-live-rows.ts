import { type InfiniteData, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { get, pathOf, type QueryValues } from '../../api/client.ts';
import { useLive, useLiveState } from '../../api/live.tsx';
import type { ListedOrder, Page } from '../../api/types.ts';
import { mergedPage } from './merge-page.ts';

type Listed = InfiniteData<Page<ListedOrder>, string | null>;

export interface LiveRows {
  readonly changed: ReadonlySet<string>;
  readonly gone: ReadonlySet<string>;
  /** The number of orders that changed and are not loaded. */
  readonly others: number;
  readonly hasSeen: (ids: readonly string[]) => void;
  readonly reload: () => void;
}

/** Pages are read again at most once in this time. */
const REST_MS = 900;
const SHOWN_AS_CHANGED_MS = 6_000;
const OTHERS_MAX = 10_000;
const POLL_MS = 5_000;
const NONE: ReadonlySet<string> = new Set();

/** Keeps the rows in sight up to date: a page of which one changed is read again. Counts what changed elsewhere. */
export function useLiveRows(key: readonly unknown[], query: QueryValues, limit: number): LiveRows {
  const queries = useQueryClient();
  const [changed, setChanged] = useState(NONE);
  const [gone, setGone] = useState(NONE);
  const [others, setOthers] = useState(0);
  const seen = useRef<readonly string[]>([]);
  const dirty = useRef(new Set<number>());
  const otherIds = useRef(new Set<string>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const lastReadMs = useRef(0);
  const name = JSON.stringify(key);
  const asked = useRef({ key, query, name });
  asked.current = { key, query, name };

  const readDirty = useCallback(async () => {
    const { key, query, name } = asked.current;
    lastReadMs.current = Date.now();
    const places = [...dirty.current];
    dirty.current.clear();
    for (const place of places) {
      const after = queries.getQueryData<Listed>(key)?.pageParams[place];
      if (after === undefined) continue;
      const fresh = await get<Page<ListedOrder>>(pathOf('/api/v1/orders', { ...query, limit, after })).catch(
        () => null,
      );
      if (fresh === null || asked.current.name !== name) return;
      const found = putPage(place, fresh);
      if (found.changed.length > 0) flash(setChanged, found.changed);
      if (found.gone.length > 0) setGone((known) => new Set([...known, ...found.gone]));
    }
    function putPage(place: number, fresh: Page<ListedOrder>) {
      let found: Omit<ReturnType<typeof mergedPage>, 'page'> = { changed: [], gone: [] };
      queries.setQueryData<Listed>(key, (data) => {
        const shown = data?.pages[place];
        if (data === undefined || shown === undefined) return data;
        const merged = mergedPage(shown, fresh);
        found = merged;
        return { ...data, pages: data.pages.with(place, merged.page) };
      });
      return found;
    }
  }, [queries, limit]);

  const readSoon = useCallback(() => {
    if (dirty.current.size === 0) return;
    clearTimeout(timer.current);
    const restMs = Math.max(0, lastReadMs.current + REST_MS - Date.now());
    timer.current = setTimeout(() => void readDirty(), restMs);
  }, [readDirty]);

  const markPagesOf = useCallback(
    (ids: ReadonlySet<string>, isMissing: (id: string) => void) => {
      const pages = queries.getQueryData<Listed>(asked.current.key)?.pages ?? [];
      const inSight = new Set(seen.current);
      const missing = new Set(ids);
      for (const [place, { data }] of pages.entries())
        for (const { orderId } of data) {
          if (!missing.delete(orderId)) continue;
          if (inSight.has(orderId)) dirty.current.add(place);
        }
      for (const id of missing) isMissing(id);
      readSoon();
    },
    [queries, readSoon],
  );

  useLive((message) => {
    if (message.kind !== 'changes') return;
    const { orders, more } = message.changes;
    markPagesOf(new Set(orders.map(({ orderId }) => orderId)), (id) => {
      if (otherIds.current.size < OTHERS_MAX) otherIds.current.add(id);
    });
    setOthers((known) => Math.max(otherIds.current.size, known + more));
  });

  useWithoutStream(() => markPagesOf(new Set(seen.current), () => undefined));

  // biome-ignore lint/correctness/useExhaustiveDependencies: another list begins without news
  useEffect(() => {
    otherIds.current.clear();
    dirty.current.clear();
    setOthers(0);
    setGone(NONE);
    setChanged(NONE);
    return () => clearTimeout(timer.current);
  }, [name]);

  return {
    changed,
    gone,
    others,
    hasSeen: useCallback((ids) => {
      seen.current = ids;
    }, []),
    reload: () => {
      otherIds.current.clear();
      setOthers(0);
      setGone(NONE);
      void queries.resetQueries({ queryKey: asked.current.key });
    },
  };
}

/** Without a stream the rows in sight are read again every 5 s. */
function useWithoutStream(read: () => void): void {
  const isPolling = useLiveState() === 'polling';
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    if (!isPolling) return;
    const timer = setInterval(() => latest.current(), POLL_MS);
    return () => clearInterval(timer);
  }, [isPolling]);
}

function flash(
  set: (change: (known: ReadonlySet<string>) => ReadonlySet<string>) => void,
  ids: readonly string[],
): void {
  set((known) => new Set([...known, ...ids]));
  setTimeout(
    () => set((known) => new Set([...known].filter((id) => !ids.includes(id)))),
    SHOWN_AS_CHANGED_MS,
  );
}
