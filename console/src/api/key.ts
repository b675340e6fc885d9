/**
 * The API key of this tab. It is in the tab's session storage, so that a reload keeps it and a closed tab forgets it. It goes
 * only into the header of requests to the origin of the page, and never into an address.
 */

const ENTRY = 'tributary.key';

type Wanted = 'missing' | 'unknown' | null;

let key: string | null = sessionStorage.getItem(ENTRY);
/** Why the page has to ask for a key; null if it has not. */
let wanted: Wanted = null;
const listeners = new Set<() => void>();

export interface KeyState {
  readonly isKept: boolean;
  readonly wanted: Wanted;
}

let state: KeyState = { isKept: key !== null, wanted };

function tell(): void {
  state = { isKept: key !== null, wanted };
  for (const listener of listeners) listener();
}

export function currentKey(): string | null {
  return key;
}

export function keyState(): KeyState {
  return state;
}

export function onKeyState(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function keepKey(given: string): void {
  key = given;
  wanted = null;
  sessionStorage.setItem(ENTRY, given);
  tell();
}

export function forgetKey(): void {
  key = null;
  wanted = 'missing';
  sessionStorage.removeItem(ENTRY);
  tell();
}

/** The API has refused a request without a key, or with this one. */
export function keyRefused(code: string, used: string | null): void {
  // The answer to a request with an earlier key says nothing about the present one.
  if (used !== key) return;
  wanted = code === 'api_key_unknown' ? 'unknown' : 'missing';
  tell();
}
