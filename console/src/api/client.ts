import { currentKey, keyRefused } from './key.ts';
import { asForOrders } from './order-ids.ts';
import { ProblemError, problemFrom } from './problem.ts';

/** Reads JSON. Rejects with a ProblemError for every answer but 2xx, and if no answer comes. */
export async function get<Value>(path: string, signal?: AbortSignal): Promise<Value> {
  const answer = await send(path, signal === undefined ? {} : { signal });
  return asForOrders((await answer.json()) as Value);
}

/** Sends JSON and reads JSON. Rejects like `get`. */
export async function post<Value>(path: string, body: object): Promise<Value> {
  const answer = await send(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return asForOrders((await answer.json()) as Value);
}

/** Sends a request with the key of the tab. Rejects like `get`; the caller reads the body of the answer. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const key = currentKey();
  const headers = new Headers(init.headers);
  if (key !== null) headers.set('authorization', `Bearer ${key}`);
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'same-origin' });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw new ProblemError({
      status: 0,
      title: 'No answer',
      code: 'unreachable',
      detail: 'order-sync does not answer.',
    });
  }
  if (answer.ok) return answer;
  const body: unknown = await answer.json().catch(() => null);
  const problem = problemFrom(answer.status, answer.statusText, body, answer.headers.get('retry-after'));
  if (answer.status === 401) keyRefused(problem.code, key);
  throw problem;
}
