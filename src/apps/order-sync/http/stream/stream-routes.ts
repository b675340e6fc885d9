import type { FastifyInstance } from 'fastify';
import { entityWords } from '../../../../core/entity-words.ts';
import { defectFields, describeDefect } from '../../../../core/errors.ts';
import { ChangeStream } from '../../../../pipeline/ask/stream/change-stream.ts';
import type { Query } from '../../../shared/http/paging.ts';
import { HttpProblem } from '../../../shared/http/problem.ts';
import { stoppingProblem } from '../../../shared/http/waiting.ts';
import { isOrderId, QuestionFault } from '../../ask-query.ts';
import { questionFrom, textsFrom } from '../query.ts';
import type { ServerParts } from '../server-parts.ts';
import { STREAM_HEADERS, STREAM_ORDERS_MAX, STREAM_QUERY, STREAM_SCHEMA } from '../stream-schemas.ts';
import { STREAM_RESPONSE_HEADERS, StreamClients } from './stream-clients.ts';

/** The route that tells what changes, as server-sent events. */
export function addStreamRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { logger } = parts;
  const stream = new ChangeStream({
    ...parts,
    onDefect: (error) =>
      logger('error', `A defect of Tributary in the stream: ${describeDefect(error)}.`, defectFields(error)),
  });
  const clients = new StreamClients(stream, { words: entityWords(parts.synced.domain) });
  // An open response would keep the server from closing.
  app.addHook('preClose', (done) => {
    clients.close();
    done();
  });
  app.get<{ Querystring: Query }>(
    '/api/v1/stream',
    {
      schema: {
        operationId: 'streamChanges',
        summary: 'What changes, as it changes: the status, the events that are journaled, and deliveries.',
        querystring: STREAM_QUERY,
        headers: STREAM_HEADERS,
        response: { 200: STREAM_SCHEMA },
      },
    },
    (request, reply) => {
      const ids = questionFrom(request.query, STREAM_QUERY, () => idsOf(request.query));
      if (clients.isClosed) throw stoppingProblem();
      if (clients.isFull)
        throw new HttpProblem(
          503,
          'too_many_listening',
          'As many clients listen to changes as may; come back later.',
          { retryAfterSeconds: 5 },
        );
      if (request.method === 'HEAD') return reply.headers(STREAM_RESPONSE_HEADERS).send();
      const position = request.headers['last-event-id'];
      reply.hijack();
      clients.open(reply.raw, ids, typeof position === 'string' && position !== '' ? position : null);
    },
  );
}

function idsOf(query: Query): ReadonlySet<string> {
  const ids = new Set(textsFrom(query, 'order'));
  if (ids.size > STREAM_ORDERS_MAX)
    throw new QuestionFault('order', `is given for at most ${STREAM_ORDERS_MAX} ids`);
  for (const id of ids)
    if (!isOrderId(id)) throw new QuestionFault('order', 'is an id: 1 to 255 bytes of UTF-8');
  return ids;
}
