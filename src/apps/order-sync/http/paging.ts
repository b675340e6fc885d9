import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from '../../shared/http/problem.ts';

/** The query of a URL as fastify gives it: a text, or several of a name that is given twice. */
export type Query = Readonly<Record<string, unknown>>;

const ROWS_DEFAULT = 50;
const ROWS_MAX = 1_000;

export function limitFrom(query: Query): number {
  if (query.limit === undefined) return ROWS_DEFAULT;
  const limit = /^\d{1,4}$/.test(String(query.limit)) ? Number(query.limit) : 0;
  if (limit >= 1 && limit <= ROWS_MAX) return limit;
  throw new HttpProblem(400, 'limit_invalid', `limit is a whole number from 1 to ${ROWS_MAX}.`);
}

/** The two parts of the place that a page begins behind; null for the first page. To clients it is opaque. */
export function afterFrom(query: Query): readonly [string, string] | null {
  if (query.after === undefined) return null;
  try {
    const parts: unknown = JSON.parse(Buffer.from(String(query.after), 'base64url').toString('utf8'));
    const [first, second]: readonly unknown[] = Array.isArray(parts) && parts.length === 2 ? parts : [];
    if (typeof first === 'string' && typeof second === 'string') return [first, second];
  } catch {
    // Whatever it is, it is nothing that was answered here: said below.
  }
  throw new HttpProblem(
    400,
    'after_invalid',
    'after is the next of a page that was answered here, unchanged.',
  );
}

/**
 * Answers a page: `rows` has one row more than `limit` if there is another page. `placeOf` gives the two parts of
 * a row's place. The next page is in the body and, as a whole address, in the header `link` (RFC 8288).
 */
export function sendPage<Row>(
  request: FastifyRequest,
  reply: FastifyReply,
  page: {
    readonly rows: readonly Row[];
    readonly limit: number;
    readonly placeOf: (row: Row) => readonly [string, string];
    readonly toJson: (row: Row) => object;
  },
): FastifyReply {
  const shown = page.rows.slice(0, page.limit);
  const last = shown.at(-1);
  const hasMore = page.rows.length > page.limit && last !== undefined;
  const next = hasMore ? Buffer.from(JSON.stringify(page.placeOf(last))).toString('base64url') : null;
  if (next !== null) {
    const [path = '', query = ''] = request.url.split('?', 2);
    const parameters = new URLSearchParams(query);
    parameters.set('after', next);
    reply.header('link', `<${path}?${parameters}>; rel="next"`);
  }
  return reply.send({ data: shown.map(page.toJson), page: { next, hasMore } });
}
