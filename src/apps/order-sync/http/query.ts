import type { DeliveryFilter } from '../../../ports/redrive.ts';
import type { Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { FILTER_NAMES, FilterFault, filterOf } from '../delivery-filter.ts';

/** The filter that a query or, under `pointer`, a part of a body asks for. Throws `filter_invalid`. */
export function filterFrom(given: Query, pointer = '/'): DeliveryFilter {
  const known: readonly string[] = [...FILTER_NAMES, ...(pointer === '/' ? ['limit', 'after'] : [])];
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name))
      throw filterProblem(`${pointer}${name}`, `is no filter; the filters are ${FILTER_NAMES.join(', ')}`);
    if (typeof value !== 'string') throw filterProblem(`${pointer}${name}`, 'is given more than once');
  }
  try {
    return filterOf(given as Readonly<Record<string, string>>);
  } catch (error) {
    if (error instanceof FilterFault) throw filterProblem(`${pointer}${error.part}`, error.message);
    throw error;
  }
}

/** The same for dead letters, whose status can only be `dead`. */
export function deadFilterFrom(given: Query, pointer = '/'): DeliveryFilter {
  if (given.status !== undefined && given.status !== 'dead')
    throw filterProblem(`${pointer}status`, 'is dead or left out: dead letters have no other status');
  return filterFrom(given, pointer);
}

function filterProblem(pointer: string, detail: string): HttpProblem {
  return new HttpProblem(400, 'filter_invalid', 'A filter is invalid; see errors.', {
    errors: [{ pointer, detail }],
  });
}
