import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo } from 'react';
import { get } from '../api/client.ts';
import { pathOf, type QueryValues } from '../api/paths.ts';
import type { Page } from '../api/types.ts';

/** A filter may leave pages empty. This many of them in a row are read without asking. */
const EMPTY_PAGES_MAX = 10;

export interface Pages<Row> {
  readonly rows: readonly Row[];
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly isLoadingMore: boolean;
  readonly hasMore: boolean;
  /** Pages without any row were read, and others follow. */
  readonly isSearching: boolean;
  readonly loadMore: () => void;
  readonly reload: () => void;
}

interface PagesOptions {
  readonly limit?: number;
  /** The time between two reads of the pages that are loaded. */
  readonly every?: number | false;
  readonly isEnabled?: boolean;
  /** Shows the list of the key before while this one is read. */
  readonly keepsOther?: boolean;
}

/** A list of the API, page by page by its cursors. */
export function usePages<Row>(
  key: readonly unknown[],
  path: string,
  query: QueryValues,
  { limit = 100, every = false, isEnabled = true, keepsOther = false }: PagesOptions = {},
): Pages<Row> {
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } =
    useInfiniteQuery({
      queryKey: key,
      queryFn: ({ pageParam, signal }) =>
        get<Page<Row>>(pathOf(path, { ...query, limit, after: pageParam }), signal),
      initialPageParam: null as string | null,
      getNextPageParam: ({ page }) => page.next,
      refetchInterval: ({ state }) => (isShort(state.data) ? every : false),
      refetchOnMount: ({ state }) => isShort(state.data),
      refetchOnWindowFocus: ({ state }) => isShort(state.data),
      enabled: isEnabled,
      ...(keepsOther ? { placeholderData: keepPreviousData } : {}),
    });
  const pages = data?.pages;
  const rows = useMemo(() => pages?.flatMap((page) => page.data) ?? [], [pages]);
  const emptyPages = pages === undefined ? 0 : emptyAtEnd(pages);
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const goesOn = hasNextPage && emptyPages > 0 && emptyPages % EMPTY_PAGES_MAX !== 0 && rows.length < limit;
  useEffect(() => {
    if (goesOn) loadMore();
  }, [goesOn, loadMore]);
  return {
    rows,
    error,
    isLoading: isPending,
    isLoadingMore: isFetchingNextPage,
    hasMore: hasNextPage,
    isSearching: emptyPages > 0 && hasNextPage,
    loadMore,
    reload: () => void refetch(),
  };
}

/** A list of many pages is not read again as a whole, because each page is a request. */
const REREAD_PAGES_MAX = 3;

function isShort(data: { readonly pages: readonly unknown[] } | undefined): boolean {
  return (data?.pages.length ?? 0) <= REREAD_PAGES_MAX;
}

function emptyAtEnd(pages: readonly Page<unknown>[]): number {
  const last = pages.findLastIndex(({ data }) => data.length > 0);
  return pages.length - 1 - last;
}
