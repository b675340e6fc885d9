import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { HttpProblem, problemBody } from './problem.ts';

/** A caller that still sends is listened to for 1 s, so that it reads the answer before the connection is reset. */
const LINGER_MS = 1_000;

/**
 * Answers bytes that are no HTTP request, on the bare connection, since they never reach a route. It is for fastify's
 * `clientErrorHandler`.
 */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error.code);
  const body = JSON.stringify(problemBody(problem, null, null));
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  // Bytes that are unread when the socket closes make the system reset the connection, and the caller loses the answer.
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function problemOf(code: string | undefined): HttpProblem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HttpProblem(431, 'headers_too_large', 'The headers are too large.');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new HttpProblem(
        413,
        'chunk_extensions_too_large',
        'The extensions of the chunks are too large.',
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpProblem(408, 'request_too_slow', 'The request did not arrive in time.');
    default:
      return new HttpProblem(400, 'request_invalid', 'This is not an HTTP request.');
  }
}

/** For fastify's option `http`: `answerBareRefusals` answers requests without a Host, since Node's own answer has no body. */
export const SERVER_OPTIONS = { requireHostHeader: false } as const;

/** Answers two faults that Node would answer without a body: a missing Host, and an unknown Expect. */
export function answerBareRefusals(app: FastifyInstance): void {
  // RFC 9112, 3.2.
  app.addHook('onRequest', (request, _reply, done) => {
    const lacksHost = request.headers.host === undefined && request.raw.httpVersion === '1.1';
    done(
      lacksHost
        ? new HttpProblem(400, 'host_missing', 'A request of HTTP/1.1 needs the header Host.')
        : undefined,
    );
  });
  app.server.on('checkExpectation', (_request, response) => {
    const problem = new HttpProblem(
      417,
      'expectation_unknown',
      'The server understands only "Expect: 100-continue".',
    );
    const body = JSON.stringify(problemBody(problem, null, null));
    response.writeHead(problem.status, {
      'content-type': 'application/problem+json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    });
    response.end(body);
  });
}
