import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { SigningKey } from '../../adapters/http-delivery/signature.ts';
import { messageOf } from '../../core/errors.ts';
import { utf8Length } from '../../core/text.ts';
import type { Logger } from '../../ports/logger.ts';
import { HttpProblem, problemBody, sendProblem, toProblem } from '../shared/problem.ts';
import { deliveryIdFrom, requireSignature } from './delivery-headers.ts';
import type { GroupCommit } from './group-commit.ts';
import { ORDER_ID_BYTES_MAX, ORDER_STATE_SCHEMA, type OrderState, pickOrderState } from './order-state.ts';
import { payloadHashOf } from './sqlite-states.ts';
import type { OrderStates, Receipt } from './states.ts';
import type { Waiters } from './waiters.ts';

export interface ServerParts {
  readonly states: OrderStates;
  readonly groupCommit: GroupCommit;
  readonly waiters: Waiters;
  /** Deliveries have to be signed by one of them; none: unsigned ones are taken. */
  readonly keys: readonly SigningKey[];
  readonly isStopping: () => boolean;
  readonly now: () => number;
  readonly log: Logger;
}

const BODY_BYTES_MAX = 1_048_576;
const WAIT_SECONDS_MAX = 60;

/** The HTTP API of the target, ready to listen. Every error is answered as `application/problem+json`. */
export function buildServer(parts: ServerParts): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    // The time for a whole request to arrive; what is waited for afterwards is not counted.
    requestTimeout: 30_000,
    // Requests that come on open connections while stopping are still answered; new connections are not made.
    return503OnClosing: false,
    // An id of 255 bytes, each of them percent-encoded.
    routerOptions: { maxParamLength: ORDER_ID_BYTES_MAX * 3 },
    // A string is no number here, and unknown fields stay where they are.
    ajv: {
      customOptions: { allErrors: true, coerceTypes: false, useDefaults: false, removeAdditional: false },
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      void sendProblem(request as FastifyRequest, reply as FastifyReply, toProblem(error)),
  });
  app.setErrorHandler((error: Error, request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500) {
      parts.log('error', `A request failed: ${messageOf(error)}`, {
        method: request.method,
        code: problem.code,
      });
    }
    return sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, new HttpProblem(404, 'route_unknown', 'There is nothing at this path.')),
  );
  acceptSignedJson(app, parts);
  addOrderRoutes(app, parts);
  addHealthRoutes(app, parts);
  return app;
}

/** Reads JSON bodies. The signature is of the bytes, so it is checked before anything looks into them. */
function acceptSignedJson(app: FastifyInstance, parts: ServerParts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    try {
      requireSignature(parts.keys, request.headers, body, parts.now());
      done(null, parseJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}

function parseJson(body: Buffer): unknown {
  // Lenient decoding would turn different bytes into the same text.
  if (!isUtf8(body)) throw new HttpProblem(400, 'json_invalid', 'The body is not valid UTF-8.');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpProblem(400, 'json_invalid', 'The body is not valid JSON.');
  }
}

const RECEIPT_SCHEMA = {
  type: 'object',
  properties: {
    order_id: { type: 'string' },
    delivery_id: { type: 'string' },
    version: { type: 'integer', description: 'The version that is held now.' },
    duplicate: { type: 'boolean', description: 'The delivery was received before; nothing was changed.' },
    ignored: { type: 'boolean', description: 'A later or equal version is held; nothing was changed.' },
  },
} as const;

/** Without the limits of a posted state: what is stored is answered as it is. */
const STATE_SCHEMA = {
  type: 'object',
  properties: {
    order_id: { type: 'string' },
    order_status: { type: ['string', 'null'] },
    payment_status: { type: ['string', 'null'] },
    review_status: { type: ['string', 'null'] },
    ready_to_send: { type: 'boolean' },
    version: { type: 'integer' },
  },
} as const;

function addOrderRoutes(app: FastifyInstance, parts: ServerParts): void {
  app.post<{ Body: OrderState }>(
    '/api/orders',
    { schema: { body: ORDER_STATE_SCHEMA, response: { 200: RECEIPT_SCHEMA } } },
    async (request) => {
      const state = pickOrderState(request.body);
      requireStorableTexts(state);
      // Posted by hand there is no id: the same content is the same delivery then.
      const deliveryId = deliveryIdFrom(request.headers) ?? `content_${payloadHashOf(state)}`;
      const receipt = await parts.groupCommit.receive({ deliveryId, state, receivedAtMs: parts.now() });
      return receiptAnswer(deliveryId, state, receipt);
    },
  );

  app.get<{ Params: { orderId: string }; Querystring: Record<string, unknown> }>(
    '/api/orders/:orderId',
    { schema: { response: { 200: STATE_SCHEMA } } },
    async (request, reply) => {
      const { orderId } = request.params;
      const waitMs = waitMsFrom(request.query.wait);
      const minVersion = minVersionFrom(request.query.version);
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
    },
  );
}

/** What JSON Schema cannot say. Half a surrogate pair has no UTF-8, so two such texts would be stored as one. */
function requireStorableTexts(state: OrderState): void {
  const errors = Object.entries(state)
    .filter(([, value]) => typeof value === 'string' && !value.isWellFormed())
    .map(([name]) => ({ pointer: `/${name}`, detail: 'holds half a surrogate pair' }));
  if (utf8Length(state.order_id) > ORDER_ID_BYTES_MAX) {
    errors.push({ pointer: '/order_id', detail: `has more than ${ORDER_ID_BYTES_MAX} bytes` });
  }
  if (errors.length === 0) return;
  throw new HttpProblem(400, 'body_invalid', 'The body is not the state of an order; see errors.', {
    errors,
  });
}

function receiptAnswer(deliveryId: string, state: OrderState, receipt: Receipt): object {
  if (receipt.effect === 'payload_differs') {
    throw new HttpProblem(
      422,
      'payload_differs',
      'This delivery id was received before with another state; a new state needs a new id.',
    );
  }
  return {
    order_id: state.order_id,
    delivery_id: deliveryId,
    version: receipt.heldVersion ?? state.version,
    duplicate: receipt.effect === 'duplicate',
    ignored: receipt.effect === 'ignored',
  };
}

function waitMsFrom(value: unknown): number {
  if (value === undefined) return 0;
  const seconds =
    typeof value === 'string' && /^\d{1,2}(\.\d{1,3})?$/.test(value) ? Number(value) : Number.NaN;
  if (seconds >= 0 && seconds <= WAIT_SECONDS_MAX) return seconds * 1_000;
  throw new HttpProblem(400, 'wait_invalid', `wait is a number of seconds from 0 to ${WAIT_SECONDS_MAX}.`);
}

function minVersionFrom(value: unknown): number {
  if (value === undefined) return 1;
  const version = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (version >= 1 && Number.isSafeInteger(version)) return version;
  throw new HttpProblem(400, 'version_invalid', 'version is a whole number from 1.');
}

/** Aborts when the reader closes the connection, so that nothing is kept for somebody who has left. */
function whenGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

function addHealthRoutes(app: FastifyInstance, parts: ServerParts): void {
  app.get('/livez', async () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    if (parts.isStopping()) throw new HttpProblem(503, 'stopping', 'The program is stopping.');
    const health = await parts.states.health();
    if (!health.ok) throw new HttpProblem(503, 'store_unreachable', 'The database does not answer.');
    return { status: 'ok' };
  });
}

/** What is no HTTP request never reaches a route; it is answered on the bare connection. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new HttpProblem(431, 'headers_too_large', 'The headers are too large.')
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new HttpProblem(408, 'request_too_slow', 'The request did not arrive in time.')
        : new HttpProblem(400, 'request_invalid', 'This is not an HTTP request.');
  const body = JSON.stringify(problemBody(problem, null, null));
  socket.end(
    `HTTP/1.1 ${problem.status} Error\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
