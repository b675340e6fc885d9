import type { DeliveryFilter } from '../../../ports/ledger.ts';
import type { Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { QuestionFault, type RowsGiven } from '../ask-query.ts';
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

interface QuerySchema {
  readonly properties: Readonly<Record<string, unknown>>;
}

/**
 * Reads a question about orders from a query, of which `read` reads the parts. Throws `question_invalid` for a name that
 * the schema of the query lacks, and for a part that `read` refuses.
 */
export function questionFrom<Question>(
  query: Query,
  { properties }: QuerySchema,
  read: () => Question,
): Question {
  for (const name of Object.keys(query))
    if (!Object.hasOwn(properties, name))
      throw questionProblem(name, `is not known here; the parts are ${Object.keys(properties).join(', ')}`);
  try {
    return read();
  } catch (error) {
    if (error instanceof QuestionFault) throw questionProblem(error.part, error.message);
    throw error;
  }
}

/** A part that may be given once. */
export function textFrom(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new QuestionFault(name, 'is given more than once');
}

/** A part that may be given several times. */
export function textsFrom(query: Query, name: string): string[] {
  const value = query[name];
  return value === undefined ? [] : [value].flat().map(String);
}

/** A part that is true or false; false if it is not given. */
export function flagFrom(query: Query, name: string): boolean {
  const text = textFrom(query, name);
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw new QuestionFault(name, 'is true or false');
}

/** The filters of orders. */
export function rowsGivenFrom(query: Query): RowsGiven {
  return {
    where: textsFrom(query, 'where'),
    status: textFrom(query, 'status'),
    isReady: flagFrom(query, 'ready'),
    isUndelivered: flagFrom(query, 'notDelivered'),
    isInFlight: flagFrom(query, 'inFlight'),
    isDead: flagFrom(query, 'dead'),
    isDelivered: flagFrom(query, 'delivered'),
    isStuck: flagFrom(query, 'stuck'),
    olderThan: textFrom(query, 'olderThan'),
  };
}

function questionProblem(part: string, detail: string): HttpProblem {
  return new HttpProblem(400, 'question_invalid', 'A part of the question is invalid; see errors.', {
    errors: [{ pointer: `/${part}`, detail }],
  });
}
