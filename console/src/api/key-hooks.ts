import { useSyncExternalStore } from 'react';
import { type KeyState, keyState, onKeyState } from './key.ts';

export function useKeyState(): KeyState {
  return useSyncExternalStore(onKeyState, keyState);
}

/** Whether the page asks for a key now, and so reads nothing. */
export function useIsKeyWanted(): boolean {
  return useKeyState().wanted !== null;
}
