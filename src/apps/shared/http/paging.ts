import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from './problem.ts';

/** The query of a URL as fastify gives it: a text, or an array of texts for a name that is given twice. */
export type Query = Readonly<Record<string, unknown>>;

export const PAGE_ROWS_MAX = 1_000;

/** The most rows of the page that the caller asks for. Throws `limit_invalid`. */
export function limitFrom(query: Query, fallback: number): number {
  const value = query.limit;
  if (value === undefined) return fallback;
  const limit = typeof value === 'string' && /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN;
  if (limit >= 1 && limit <= PAGE_ROWS_MAX) return limit;
  throw new HttpProblem(400, 'limit_invalid', `limit is a whole number from 1 to ${PAGE_ROWS_MAX}.`);
}

/**
 * The place that a page begins after, or null for the first page. `placeOf` reads the cursor and answers null for a text
 * that the program never made; then this throws `after_invalid`.
 */
export function afterFrom<Place>(query: Query, placeOf: (cursor: string) => Place | null): Place | null {
  const value = query.after;
  if (value === undefined) return null;
  const place = typeof value === 'string' ? placeOf(value) : null;
  if (place !== null) return place;
  throw new HttpProblem(
    400,
    'after_invalid',
    'after is the next of a page that was answered here, unchanged.',
  );
}

/**
 * The member `page` of a list's answer. `next` is the cursor of the next page, or null on the last page. Sets the header
 * `link` to the whole address of the next page (RFC 8288).
 */
export function pageOf(
  request: FastifyRequest,
  reply: FastifyReply,
  next: string | null,
): { readonly next: string | null; readonly hasMore: boolean } {
  if (next === null) return { next, hasMore: false };
  const [path = '', search = ''] = request.originalUrl.split('?', 2);
  const parameters = new URLSearchParams(search);
  parameters.set('after', next);
  reply.header('link', `<${path}?${parameters}>; rel="next"`);
  return { next, hasMore: true };
}

const PAGE_SCHEMA = {
  type: 'object',
  required: ['next', 'hasMore'],
  properties: {
    next: { type: ['string', 'null'], description: 'Give it as after to get the next page.' },
    hasMore: { type: 'boolean' },
  },
} as const;

/** The query of a list: which page of it the caller wants. */
export const PAGE_QUERY = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: PAGE_ROWS_MAX },
    after: { type: 'string', description: 'The next of the page before.' },
  },
} as const;

/** The members of every answer that is a page of something. */
export const PAGED = {
  page: PAGE_SCHEMA,
  headers: {
    link: {
      description: 'The address of the next page, with rel="next", if there is one.',
      schema: { type: 'string' },
    },
  },
} as const;

/** The answer of a list whose rows have the schema `items`. */
export function pageSchemaOf<const Items extends object>(items: Items, description: string) {
  return {
    description,
    type: 'object',
    required: ['data', 'page'],
    properties: { data: { type: 'array', items }, page: PAGED.page },
    headers: PAGED.headers,
  } as const;
}
