import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { markAttempts } from '../../../pipeline/ask/explain/attempts.ts';
import type { DeliveryFilter, DeliveryInspection } from '../../../ports/ledger.ts';
import { afterFrom, limitFrom, pageOf, type Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { attemptJson, deliveryJson } from '../delivery-json.ts';
import { cursorOf, placeOf } from './cursor.ts';
import { deadFilterFrom, filterFrom } from './query.ts';
import { DEAD_LETTERS_QUERY, DELIVERIES_QUERY, DELIVERIES_SCHEMA, DELIVERY_SCHEMA } from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

const LIST_ROWS = 50;
/** A page goes through at most this many deliveries, so that a filter that matches few does not read all of them. */
const LOOK_MAX = 20_000;
const ATTEMPTS_SHOWN = 100;

/** The routes of the ledger: list all deliveries, list the dead ones, and read one with its attempts. */
export function addDeliveryRoutes(app: FastifyInstance, { store }: ServerParts): void {
  app.get<{ Querystring: Query }>(
    '/api/v1/deliveries',
    {
      schema: {
        operationId: 'listDeliveries',
        summary: 'All deliveries, or those that the filters ask for, page by page.',
        querystring: DELIVERIES_QUERY,
        response: { 200: DELIVERIES_SCHEMA },
      },
    },
    (request, reply) => listDeliveries(request, reply, store, filterFrom(request.query)),
  );

  app.get<{ Querystring: Query }>(
    '/api/v1/dead-letters',
    {
      schema: {
        operationId: 'listDeadLetters',
        summary: 'The dead deliveries, page by page.',
        querystring: DEAD_LETTERS_QUERY,
        response: { 200: DELIVERIES_SCHEMA },
      },
    },
    (request, reply) =>
      listDeliveries(request, reply, store, { ...deadFilterFrom(request.query), status: 'dead' }),
  );

  app.get<{ Params: { target: string; entityId: string } }>(
    '/api/v1/deliveries/:target/:entityId',
    {
      schema: {
        operationId: 'readDelivery',
        summary: 'One delivery with its latest attempts.',
        response: { 200: DELIVERY_SCHEMA },
      },
    },
    async ({ params: { target, entityId } }) => {
      const delivery = await store.readDelivery(target, entityId);
      if (delivery === null)
        throw new HttpProblem(
          404,
          'delivery_unknown',
          'No state of this entity was ever due to this target.',
        );
      const latest = await store.readAttempts({ target, entityId }, ATTEMPTS_SHOWN);
      const { attempts } = markAttempts(delivery, latest);
      return { ...deliveryJson(delivery), attemptLog: attempts.map(attemptJson) };
    },
  );
}

async function listDeliveries(
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
  store: DeliveryInspection,
  filter: DeliveryFilter,
) {
  const limit = limitFrom(request.query, LIST_ROWS);
  const after = afterFrom(request.query, placeOf);
  const { deliveries, next } = await store.pageDeliveries({
    filter,
    after: after === null ? null : { target: after[0], entityId: after[1] },
    limit,
    lookMax: LOOK_MAX,
  });
  const cursor = next === null ? null : cursorOf([next.target, next.entityId]);
  return { data: deliveries.map(deliveryJson), page: pageOf(request, reply, cursor) };
}
