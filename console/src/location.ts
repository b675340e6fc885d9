import { useCallback, useMemo } from 'react';
import { navigate, usePathname, useSearch } from 'wouter/use-browser-location';
import { changedQuery } from './api/paths.ts';

/*
 * The address of the page as it is. The hooks of the router decode it once before they split it, so an id or a value with a
 * percent sign would come out changed.
 */

/** The part of the path at this place, decoded; empty if there is none. */
export function usePathPart(place: number): string {
  const part = usePathname().split('/')[place + 1] ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

type Changes = Parameters<typeof changedQuery>[1];

/** The query of the address, and a function that changes some of its names. null takes a name away. */
export function useQueryState(): [URLSearchParams, (changes: Changes) => void] {
  const search = useSearch();
  const parameters = useMemo(() => new URLSearchParams(search), [search]);
  const change = useCallback((changes: Changes) => {
    const next = changedQuery(new URLSearchParams(window.location.search), changes).toString();
    navigate(`${window.location.pathname}${next === '' ? '' : `?${next}`}`, { replace: true });
  }, []);
  return [parameters, change];
}
