import type { FastifyInstance } from 'fastify';
import { entityWords } from '../../../core/entity-words.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import type { TriedEvent } from '../trial.ts';
import { EVENT_TYPES_SCHEMA, TRIED_SCHEMA, TRY_BODY } from './event-schemas.ts';
import { sendJson } from './json.ts';
import type { ServerParts } from './server-parts.ts';

/** The events of one request together may have this size. */
const TRIED_BYTES_MAX = 1_048_576;

/** The routes of events: their types with the schemas of their bodies, and publishing a few to try things out. */
export function addEventRoutes(
  app: FastifyInstance,
  { eventTypes, trial, synced }: Pick<ServerParts, 'eventTypes' | 'trial' | 'synced'>,
): void {
  const { idMember } = entityWords(synced.domain);
  app.get(
    '/api/v1/event-schemas',
    {
      schema: {
        operationId: 'listEventSchemas',
        summary: 'The types of events that this program understands, with the JSON Schemas of their bodies.',
        response: { 200: EVENT_TYPES_SCHEMA },
      },
    },
    async (_request, reply) => sendJson(reply, { data: eventTypes }),
  );

  app.post<{ Body: { readonly events: readonly TriedEvent[] } }>(
    '/api/v1/try',
    {
      bodyLimit: TRIED_BYTES_MAX,
      // A caller learns that it is off before it learns what is wrong with the body.
      preValidation: (_request, _reply, done) => done(trial === null ? isOff() : undefined),
      schema: {
        operationId: 'tryEvents',
        summary:
          'Publishes events to try things out, all of them or none. Off unless ORDER_SYNC_TRY is true.',
        body: TRY_BODY,
        response: { 202: TRIED_SCHEMA },
      },
    },
    async ({ body: { events } }, reply) => {
      if (trial === null) throw isOff();
      const outcome = await trial.publish(events);
      if (outcome.kind === 'refused')
        throw new HttpProblem(
          400,
          'event_invalid',
          'Nothing was published: an event is invalid; see errors.',
          {
            errors: outcome.errors,
          },
        );
      const published = outcome.published.map(({ eventId, orderId, topic, partition, offset }) => ({
        eventId,
        [idMember]: orderId,
        topic,
        partition,
        offset: offset.toString(),
      }));
      return reply.code(202).send({ published });
    },
  );
}

function isOff(): HttpProblem {
  return new HttpProblem(
    404,
    'try_off',
    'This order-sync publishes no events: set ORDER_SYNC_TRY to true to try events here ("npm start" does so on the ' +
      'embedded log), or publish them by event-producer.',
  );
}
