import { useQuery } from '@tanstack/react-query';
import { get } from './client.ts';
import { useIsKeyWanted } from './key-hooks.ts';
import { ProblemError } from './problem.ts';
import type { Access } from './types.ts';

/** An order-sync that is older than the page does not tell. Then each refusal of an action tells. */
const UNKNOWN: Access = { keyNeeded: false, keyName: null, scopes: ['read', 'operate'], tryIt: true };

/** What the caller may do; undefined before that is known. */
export function useAccess(): Access | undefined {
  const isKeyWanted = useIsKeyWanted();
  return useQuery({ queryKey: ['access'], queryFn: readAccess, staleTime: 60_000, enabled: !isKeyWanted })
    .data;
}

/** Whether the caller may change something. Before that is known, nobody may. */
export function useMayOperate(): boolean {
  return useAccess()?.scopes.includes('operate') ?? false;
}

async function readAccess(): Promise<Access> {
  try {
    return await get<Access>('/api/v1/access');
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return UNKNOWN;
    throw error;
  }
}
