import type { FastifyInstance, FastifyReply } from 'fastify';
import { afterFrom, limitFrom, PAGE_QUERY, pageOf, type Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { waitMsFrom, whenGone } from '../../shared/http/waiting.ts';
import { digestOf } from '../order-state.ts';
import type { ListPage, ListQuery, OrderStates } from '../states.ts';
import { cursorOf, placeOf } from './cursor.ts';
import { filtersFrom, minVersionFrom, WAIT_SECONDS_MAX } from './query.ts';
import {
  DIGEST_SCHEMA,
  LIST_QUERY,
  LIST_SCHEMA,
  ORDER_QUERY,
  STATE_SCHEMA,
  STREAM_HEADERS,
  STREAM_SCHEMA,
} from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

const LIST_ROWS = 50;
const DIGEST_ROWS = 1_000;
/** One page of a filtered list asks the store at most 20 times, for 10,000 rows each. Then it is answered short. */
const LOOKS_MAX = 20;

/** The routes that read: one order, all orders in pages, their digest, and their changes. */
export function addOrderRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { states } = parts;

  app.get<{ Querystring: Query }>(
    '/api/orders',
    {
      schema: {
        operationId: 'listOrders',
        summary: 'All orders, or those that the filters ask for, page by page.',
        querystring: LIST_QUERY,
        response: { 200: LIST_SCHEMA },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const filters = filtersFrom(query);
      const page = await fillPage(states, {
        after: afterFrom(query, placeOf),
        limit: limitFrom(query, LIST_ROWS),
        filters,
      });
      return { data: page.states, page: pageOf(request, reply, nextOf(page)) };
    },
  );

  app.get<{ Querystring: Query }>(
    '/api/orders/digest',
    {
      schema: {
        operationId: 'digestOrders',
        summary:
          'One hash over many rows. Two systems find out by it where they differ, without reading all rows.',
        querystring: PAGE_QUERY,
        response: { 200: DIGEST_SCHEMA },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const page = await states.list({
        after: afterFrom(query, placeOf),
        limit: limitFrom(query, DIGEST_ROWS),
        filters: {},
      });
      return {
        count: page.states.length,
        last: page.states.at(-1)?.order_id ?? null,
        digest: digestOf(page.states),
        page: pageOf(request, reply, nextOf(page)),
      };
    },
  );

  app.get(
    '/api/orders/stream',
    {
      // A HEAD request would wait for the end of the stream.
      exposeHeadRoute: false,
      schema: {
        operationId: 'streamOrders',
        summary:
          'The changes of orders as they are committed. An order that changes several times may show its last change alone.',
        headers: STREAM_HEADERS,
        response: { 200: STREAM_SCHEMA },
      },
    },
    async (request, reply) => {
      const after = lastEventIdFrom(request.headers['last-event-id']);
      const last = await states.lastReceiptNumber();
      if (parts.stream.isFull) {
        throw new HttpProblem(
          503,
          'too_many_listening',
          'Too many clients listen to changes; come back later.',
          {
            retryAfterSeconds: 5,
          },
        );
      }
      reply.hijack();
      parts.stream.open(reply.raw, after, last);
    },
  );

  app.get<{ Params: { orderId: string }; Querystring: Query }>(
    '/api/orders/:orderId',
    {
      schema: {
        operationId: 'readOrder',
        summary: 'The latest state of one order. With wait, the answer comes as soon as the state is there.',
        description: 'Orders whose ids are digest or stream are read by GET /api/orders?order_id=.',
        querystring: ORDER_QUERY,
        response: { 200: STATE_SCHEMA },
      },
    },
    (request, reply) => readOrder(parts, request.params.orderId, request.query, reply),
  );
}

async function readOrder(parts: ServerParts, orderId: string, query: Query, reply: FastifyReply) {
  const waitMs = waitMsFrom(query, WAIT_SECONDS_MAX);
  const minVersion = minVersionFrom(query);
  if (waitMs > 0 && parts.waiters.isFull) {
    throw new HttpProblem(503, 'too_many_waiting', 'Too many readers wait; ask again without wait.', {
      retryAfterSeconds: 1,
    });
  }
  const state =
    waitMs === 0
      ? await parts.states.read(orderId)
      : await parts.waiters.wait(orderId, minVersion, waitMs, whenGone(reply));
  if (state !== null && state.version >= minVersion) return state;
  throw state === null
    ? new HttpProblem(404, 'order_unknown', 'No state of this order has been received.')
    : new HttpProblem(
        404,
        'version_unknown',
        `Version ${state.version} of this order is held; ${minVersion} has not been received.`,
      );
}

/** Asks the store again while the page is not full, and lets other requests have their turn in between. */
async function fillPage(states: OrderStates, query: ListQuery): Promise<ListPage> {
  let page = await states.list(query);
  const found = [...page.states];
  for (let looks = 1; looks < LOOKS_MAX && page.next !== null && found.length < query.limit; looks++) {
    await new Promise((resolve) => setImmediate(resolve));
    page = await states.list({ ...query, after: page.next, limit: query.limit - found.length });
    found.push(...page.states);
  }
  return { states: found, next: page.next };
}

function nextOf({ next }: ListPage): string | null {
  return next === null ? null : cursorOf(next);
}

/** The receipt number in Last-Event-ID. Null without the header: then the stream begins now. */
function lastEventIdFrom(value: string | string[] | undefined): number | null {
  if (value === undefined || value === '') return null;
  const receiptNumber = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(receiptNumber)) return receiptNumber;
  throw new HttpProblem(
    400,
    'last_event_id_invalid',
    'Last-Event-ID is the id of an event that was received here, or 0.',
  );
}
