import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { diffOf } from '../../../pipeline/ask/diff.ts';
import { readKnown } from '../../../pipeline/ask/known-events.ts';
import { listRows, type RowsQuery } from '../../../pipeline/ask/list-rows.ts';
import { stateAt } from '../../../pipeline/ask/state-at.ts';
import { marksOf } from '../../../pipeline/ask/timeline.ts';
import { whatIf } from '../../../pipeline/ask/what-if.ts';
import { afterFrom, limitFrom, pageOf, type Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import {
  diffJson,
  eventJson,
  explanationJson,
  marksJson,
  rowJson,
  stateJson,
  storedRowJson,
  whatIfJson,
} from '../ask-json.ts';
import { explained, type OrderAskParts } from '../ask-parts.ts';
import { isOrderId, momentFrom, rowsQueryOf, sideFrom, stuckGiven } from '../ask-query.ts';
import { refusalOf } from '../ask-refusals.ts';
import { cursorOf, placeOf } from './cursor.ts';
import {
  DIFF_QUERY,
  DIFF_SCHEMA,
  EVENTS_QUERY,
  EVENTS_SCHEMA,
  EXPLANATION_SCHEMA,
  ORDER_SCHEMA,
  ORDERS_QUERY,
  ORDERS_SCHEMA,
  STATE_QUERY,
  STATE_SCHEMA,
  STUCK_QUERY,
  WHAT_IF_BODY,
  WHAT_IF_SCHEMA,
} from './order-schemas.ts';
import { questionFrom, rowsGivenFrom, textFrom } from './query.ts';
import type { ServerParts } from './server-parts.ts';
import { STAGE_QUERY, StageWaits } from './stage-waits.ts';

const LIST_ROWS = 50;
/** An event's body may be as large as a record's value. */
const WHAT_IF_BYTES_MAX = 9 * 1024 * 1024;

interface OfOrder {
  Params: { readonly id: string };
  Querystring: Query;
}

/** The routes that answer questions about orders. None of them writes. */
export function addOrderRoutes(app: FastifyInstance, { ask, clock }: ServerParts): void {
  const parts = () => {
    const found = ask();
    if (found !== null) return found;
    throw new HttpProblem(503, 'not_ready', 'The database is not there yet; see /readyz.', {
      retryAfterSeconds: 1,
    });
  };
  addLists(app, parts);
  addReads(app, parts, new StageWaits(app, clock));
  addQuestions(app, parts);
}

function addLists(app: FastifyInstance, parts: () => OrderAskParts): void {
  app.get<{ Querystring: Query }>(
    '/api/v1/orders',
    {
      schema: {
        operationId: 'listOrders',
        summary: 'All orders, or those that the filters ask for, page by page.',
        querystring: ORDERS_QUERY,
        response: { 200: ORDERS_SCHEMA },
      },
    },
    (request, reply) => {
      const { query } = request;
      const rows = questionFrom(query, ORDERS_QUERY, () =>
        rowsQueryOf(parts().domain.view, rowsGivenFrom(query)),
      );
      return sendRows(request, reply, parts(), rows);
    },
  );

  app.get<{ Querystring: Query }>(
    '/api/v1/stuck',
    {
      schema: {
        operationId: 'listStuckOrders',
        summary: 'The orders that have waited for an event longer than ORDER_SYNC_STUCK_AFTER, page by page.',
        querystring: STUCK_QUERY,
        response: { 200: ORDERS_SCHEMA },
      },
    },
    (request, reply) => {
      const { query } = request;
      const rows = questionFrom(query, STUCK_QUERY, () =>
        rowsQueryOf(parts().domain.view, stuckGiven(textFrom(query, 'olderThan'))),
      );
      return sendRows(request, reply, parts(), rows);
    },
  );
}

async function sendRows(
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
  parts: OrderAskParts,
  query: Omit<RowsQuery, 'after' | 'limit'>,
): Promise<FastifyReply> {
  const after = afterFrom(request.query, placeOf);
  const limit = limitFrom(request.query, LIST_ROWS);
  const { rows, next } = await listRows(parts, { ...query, after: after?.[0] ?? null, limit });
  return send(reply, {
    data: rows.map((row) => rowJson(parts.domain, row)),
    page: pageOf(request, reply, next === null ? null : cursorOf([next, ''])),
  });
}

function addReads(app: FastifyInstance, parts: () => OrderAskParts, waits: StageWaits): void {
  app.get<OfOrder>(
    '/api/v1/orders/:id',
    {
      schema: {
        operationId: 'readOrder',
        summary: 'The row of one order in the view. With after, once it shows what an event did.',
        description:
          'After wait in vain it answers 504 not_reached_yet. Its member reached says what was: journaled, version, projected, and in deliveries those that a target has yet to accept.',
        querystring: STAGE_QUERY,
        response: { 200: ORDER_SCHEMA },
      },
    },
    async ({ params: { id }, query }, reply) => {
      const { store, domain } = parts();
      await waits.pass(query, knownId(id), parts(), reply);
      const stored = (await store.readView([id])).get(id);
      if (stored === undefined)
        throw new HttpProblem(404, 'order_unknown', 'The view has no row of this order.');
      return send(reply, storedRowJson(domain, id, stored));
    },
  );

  app.get<OfOrder>(
    '/api/v1/orders/:id/events',
    {
      schema: {
        operationId: 'listEventsOfOrder',
        summary: 'The events of one order in the sequence of their arrival, page by page.',
        querystring: EVENTS_QUERY,
        response: { 200: EVENTS_SCHEMA },
      },
    },
    (request, reply) => sendEvents(request, reply, parts()),
  );
}

async function sendEvents(
  request: FastifyRequest<OfOrder>,
  reply: FastifyReply,
  parts: OrderAskParts,
): Promise<FastifyReply> {
  const { id } = request.params;
  const limit = limitFrom(request.query, LIST_ROWS);
  const after = Number(afterFrom(request.query, versionPlaceOf)?.[0] ?? 0);
  const known = await readKnown(parts, knownId(id));
  if (known.lastVersion === 0) throw problemOf({ kind: 'unknown' });
  const marks = known.areAll ? marksOf(known.events) : new Map<number, never>();
  const { events, lastVersion } = await parts.store.readArrivals({ entityId: id, after, limit });
  const last = events.at(-1);
  const next =
    last === undefined || last.version >= lastVersion ? null : cursorOf([String(last.version), '']);
  return send(reply, {
    data: events.map((event) => {
      const mark = marks.get(event.version);
      return {
        ...eventJson(event),
        ...(mark === undefined ? { place: null, late: null, conflictsWith: [] } : marksJson(mark)),
        data: event.data,
      };
    }),
    page: pageOf(request, reply, next),
  });
}

function versionPlaceOf(cursor: string) {
  const place = placeOf(cursor);
  return place !== null && /^\d{1,15}$/.test(place[0]) ? place : null;
}

function addQuestions(app: FastifyInstance, parts: () => OrderAskParts): void {
  app.get<OfOrder>(
    '/api/v1/orders/:id/state',
    {
      schema: {
        operationId: 'readStateOfOrder',
        summary: 'The state of one order at a moment or a version; without either, as it is now.',
        querystring: STATE_QUERY,
        response: { 200: STATE_SCHEMA },
      },
    },
    async ({ params: { id }, query }, reply) => {
      const moment = questionFrom(query, STATE_QUERY, () =>
        momentFrom({
          at: textFrom(query, 'at'),
          asKnownAt: textFrom(query, 'asKnownAt'),
          version: textFrom(query, 'version'),
        }),
      );
      const state = await stateAt(parts(), knownId(id), moment);
      if (state.kind !== 'state') throw problemOf(state);
      return send(reply, stateJson(parts().domain, id, moment, state, parts().clock.now()));
    },
  );

  app.get<OfOrder>(
    '/api/v1/orders/:id/explain',
    {
      schema: {
        operationId: 'explainOrder',
        summary:
          'Why one order is or is not ready, and where its deliveries stand. An unknown order is explained too.',
        response: { 200: EXPLANATION_SCHEMA },
      },
    },
    async ({ params: { id } }, reply) =>
      send(reply, explanationJson(parts().domain, await explained(parts(), knownId(id)))),
  );

  app.get<OfOrder>(
    '/api/v1/orders/:id/diff',
    {
      schema: {
        operationId: 'compareStatesOfOrder',
        summary: 'What differs between two moments or versions of one order.',
        querystring: DIFF_QUERY,
        response: { 200: DIFF_SCHEMA },
      },
    },
    async ({ params: { id }, query }, reply) => {
      const sides = questionFrom(
        query,
        DIFF_QUERY,
        () => [sideFrom('from', textFrom(query, 'from')), sideFrom('to', textFrom(query, 'to'))] as const,
      );
      const diff = await diffOf(parts(), knownId(id), ...sides);
      if (diff.kind !== 'diff') throw problemOf(diff);
      return send(reply, diffJson(parts().domain, id, sides, diff));
    },
  );

  app.post<{ Params: OfOrder['Params']; Body: { readonly event: object | string } }>(
    // fastify reads two colons as one; a single one would begin a parameter. The form of the parameter, any characters,
    // keeps it apart from the word behind it.
    '/api/v1/orders/:id([\\s\\S]+)::what-if',
    {
      bodyLimit: WHAT_IF_BYTES_MAX,
      schema: {
        operationId: 'askWhatIf',
        summary: 'What one more event would do to one order. Writes nothing.',
        body: WHAT_IF_BODY,
        response: { 200: WHAT_IF_SCHEMA },
      },
    },
    async ({ params: { id }, body: { event } }, reply) => {
      const text = typeof event === 'string' ? event : JSON.stringify(event);
      const outcome = await whatIf(parts(), knownId(id), text);
      if (outcome.kind === 'too_long') throw problemOf(outcome);
      return send(reply, whatIfJson(parts().domain, id, outcome));
    },
  );
}

/** Answers with the whole value. The schema of the route only describes it. */
function send(reply: FastifyReply, value: object): FastifyReply {
  return reply.type('application/json').serializer(JSON.stringify).send(value);
}

function knownId(id: string): string {
  if (isOrderId(id)) return id;
  throw new HttpProblem(
    400,
    'order_id_invalid',
    'The id of an order is 1 to 255 bytes of percent-encoded UTF-8.',
  );
}

function problemOf(found: Parameters<typeof refusalOf>[0]): HttpProblem {
  const { status, code, detail } = refusalOf(found);
  return new HttpProblem(status, code, detail);
}
