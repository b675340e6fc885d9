import type { Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { ORDER_ID_BYTES_MAX } from '../order-state.ts';
import type { ListFilters } from '../states.ts';

export const WAIT_SECONDS_MAX = 60;

/** The lowest version that the reader wants. Throws `version_invalid`. */
export function minVersionFrom(query: Query): number {
  const value = query.version;
  if (value === undefined) return 1;
  const version = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (version >= 1 && Number.isSafeInteger(version)) return version;
  throw new HttpProblem(400, 'version_invalid', 'version is a whole number from 1.');
}

/** The filters of a list. An empty status matches the orders without a status. Throws `filter_invalid`. */
export function filtersFrom(query: Query): ListFilters {
  const status = (name: 'order_status' | 'payment_status' | 'review_status') => {
    const value = query[name];
    if (value === undefined) return {};
    return { [name]: textFrom(name, value, 255) || null };
  };
  return {
    ...(query.order_id === undefined
      ? {}
      : { order_id: textFrom('order_id', query.order_id, ORDER_ID_BYTES_MAX) }),
    ...status('order_status'),
    ...status('payment_status'),
    ...status('review_status'),
    ...(query.ready_to_send === undefined ? {} : { ready_to_send: flagFrom(query.ready_to_send) }),
  };
}

function flagFrom(value: unknown): boolean {
  if (value === 'true') return true;
  if (value === 'false') return false;
  throw new HttpProblem(400, 'filter_invalid', 'ready_to_send is true or false.');
}

function textFrom(name: string, value: unknown, lengthMax: number): string {
  if (typeof value === 'string' && value.length <= lengthMax) return value;
  throw new HttpProblem(
    400,
    'filter_invalid',
    `${name} is given once, with at most ${lengthMax} characters.`,
  );
}
