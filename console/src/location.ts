import { useCallback, useMemo } from 'react';
import { useSearch as useRouterSearch } from 'wouter';
import { navigate, usePathname, useSearch } from 'wouter/use-browser-location';

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

type Changes = Readonly<Record<string, string | readonly string[] | null>>;

/** The query of the address, and a function that changes some of its names. null takes a name away. */
export function useQueryState(): [URLSearchParams, (changes: Changes) => void] {
  const search = useSearch();
  // This also subscribes to the router, so that both see a change in the same render.
  useRouterSearch();
  const parameters = useMemo(() => new URLSearchParams(search), [search]);
  const change = useCallback((changes: Changes) => {
    const next = changedQuery(new URLSearchParams(window.location.search), changes).toString();
    navigate(`${window.location.pathname}${next === '' ? '' : `?${next}`}`, { replace: true });
  }, []);
  return [parameters, change];
}

export function changedQuery(parameters: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(parameters);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) next.append(name, String(one));
  }
  return next;
}
