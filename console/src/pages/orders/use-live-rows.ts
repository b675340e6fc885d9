import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { get } from '../../api/client.ts';
import { useLive, useLiveState } from '../../api/live.tsx';
import { pathOf, type QueryValues } from '../../api/paths.ts';
import type { ListedOrder, Page } from '../../api/types.ts';
import { mergedPage, placesOf } from './merge-page.ts';
import { OtherOrders } from './other-orders.ts';

type Listed = InfiniteData<Page<ListedOrder>, string | null>;

/** A list of orders, as it is asked for. */
interface List {
  readonly key: readonly unknown[];
  readonly query: QueryValues;
  readonly limit: number;
}

export interface LiveRows {
  readonly changed: ReadonlySet<string>;
  readonly gone: ReadonlySet<string>;
  /** The same each time, so that another count draws only what shows it. */
  readonly others: OtherOrders;
  readonly hasSeen: (ids: readonly string[]) => void;
  readonly reload: () => void;
}

/** Pages are read again at most once in this time. */
const REST_MS = 900;
const SHOWN_AS_CHANGED_MS = 6_000;
const POLL_MS = 5_000;
const NONE: ReadonlySet<string> = new Set();

/** Keeps the rows in sight up to date: a page of which one changed is read again. Counts what changed elsewhere. */
export function useLiveRows(list: List): LiveRows {
  const queries = useQueryClient();
  const latest = useRef(list);
  latest.current = list;
  const name = JSON.stringify(list.key);
  const seen = useRef<readonly string[]>([]);
  const [others] = useState(() => new OtherOrders());
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list begins without news
  useEffect(() => others.forget(), [name]);
  const { changed, gone, readSoon, forget } = useReadAgain(latest, name);
  const look = (ids: ReadonlySet<string>): ReadonlySet<string> => {
    const pages = queries.getQueryData<Listed>(latest.current.key)?.pages ?? [];
    const { places, missing } = placesOf(pages, ids, new Set(seen.current));
    readSoon(places);
    return missing;
  };
  useLive((message) => {
    if (message.kind !== 'changes') return;
    const { orders, more } = message.changes;
    others.add(look(new Set(orders.map(({ orderId }) => orderId))), more);
  });
  useWithoutStream(() => look(new Set(seen.current)));
  return {
    changed,
    gone,
    others,
    hasSeen: useCallback((ids) => {
      seen.current = ids;
    }, []),
    reload: () => {
      others.forget();
      forget();
      void queries.resetQueries({ queryKey: latest.current.key });
    },
  };
}

/** Reads pages again, at most once in a while, and remembers for some seconds which rows changed. */
function useReadAgain(latest: { readonly current: List }, name: string) {
  const queries = useQueryClient();
  const [changed, setChanged] = useState(NONE);
  const [gone, setGone] = useState(NONE);
  const dirty = useRef(new Set<number>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const lastMs = useRef(0);
  const forget = useCallback(() => {
    dirty.current.clear();
    setGone(NONE);
    setChanged(NONE);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list begins without changes
  useEffect(() => {
    forget();
    return () => clearTimeout(timer.current);
  }, [name]);

  const readNow = async () => {
    lastMs.current = Date.now();
    const list = latest.current;
    const places = [...dirty.current];
    dirty.current.clear();
    for (const place of places) {
      const found = await readPage(queries, list, place);
      if (found === null || latest.current.key !== list.key) return;
      if (found.gone.length > 0) setGone((known) => new Set([...known, ...found.gone]));
      if (found.changed.length === 0) continue;
      setChanged((known) => new Set([...known, ...found.changed]));
      setTimeout(() => setChanged((known) => without(known, found.changed)), SHOWN_AS_CHANGED_MS);
    }
  };

  const readSoon = (places: readonly number[]) => {
    for (const place of places) dirty.current.add(place);
    if (dirty.current.size === 0) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void readNow(), Math.max(0, lastMs.current + REST_MS - Date.now()));
  };
  return { changed, gone, readSoon, forget };
}

/** Reads one page again by its cursor, and puts its values in place. Resolves with null if it could not be read. */
async function readPage(queries: QueryClient, { key, query, limit }: List, place: number) {
  const after = queries.getQueryData<Listed>(key)?.pageParams[place];
  if (after === undefined) return null;
  const path = pathOf('/api/v1/orders', { ...query, limit, after });
  // The next change, or the next look, tries again.
  const fresh = await get<Page<ListedOrder>>(path).catch(() => null);
  if (fresh === null) return null;
  let found: Pick<ReturnType<typeof mergedPage>, 'changed' | 'gone'> = { changed: [], gone: [] };
  queries.setQueryData<Listed>(key, (data) => {
    const shown = data?.pages[place];
    if (data === undefined || shown === undefined) return data;
    const merged = mergedPage(shown, fresh);
    found = merged;
    return { ...data, pages: data.pages.with(place, merged.page) };
  });
  return found;
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

function without(known: ReadonlySet<string>, ids: readonly string[]): ReadonlySet<string> {
  const left = new Set(known);
  for (const id of ids) left.delete(id);
  return left;
}
