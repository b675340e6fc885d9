import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isDefect, TributaryError } from '../../../core/errors.ts';
import { traceContextOf, traceIdOf } from '../../../core/trace-context.ts';

/** One fault in a body or a query. `pointer` is a JSON Pointer. */
export interface ProblemItem {
  readonly pointer: string;
  readonly detail: string;
}

/** A refusal, which a route throws. It tells the caller of a mistake, or of a state of the server that passes. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly ProblemItem[];
  /** The seconds to wait before the next try, if the state of the server passes. Null if it does not. */
  readonly retryAfterSeconds: number | null;
  /** Further members of the problem document (RFC 9457, 3.2). */
  readonly members: object;

  constructor(
    status: number,
    code: string,
    detail: string,
    options: { errors?: readonly ProblemItem[]; retryAfterSeconds?: number; members?: object } = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = options.errors ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.members = options.members ?? {};
  }
}

/** The problem with its detail in other words. */
export function reworded(problem: HttpProblem, said: (detail: string) => string): HttpProblem {
  const { status, code, message, errors, retryAfterSeconds, members } = problem;
  const detail = said(message);
  if (detail === message) return problem;
  return new HttpProblem(status, code, detail, {
    errors,
    members,
    ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
  });
}

/** Any error as a problem. Of a fault inside the program the caller learns the code alone. */
export function toProblem(error: FastifyError | Error): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if ('validation' in error && error.validation !== undefined) return validationProblem(error.validation);
  if (error instanceof TributaryError && !isDefect(error)) {
    return new HttpProblem(503, error.code, 'The server could not store or read it now; try again.', {
      retryAfterSeconds: 1,
    });
  }
  const known = 'code' in error ? FRAMEWORK_PROBLEMS[error.code] : undefined;
  if (known !== undefined) return new HttpProblem(known.status, known.code, known.detail);
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  return status >= 400 && status < 500
    ? new HttpProblem(status, 'request_invalid', error.message)
    : new HttpProblem(500, 'internal', 'The server failed, and has logged the reason.');
}

const FRAMEWORK_PROBLEMS: Readonly<Record<string, { status: number; code: string; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    code: 'body_too_large',
    detail: 'The body is larger than this route takes; send less at once.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'media_type_unsupported',
    detail: 'Send JSON, with the header content-type: application/json.',
  },
  FST_ERR_BAD_URL: {
    status: 400,
    code: 'path_invalid',
    detail: 'The path is not percent-encoded UTF-8; encode the order id.',
  },
};

/** The problem with a body in which a compiled schema found these faults. */
export function validationProblem(faults: FastifyError['validation'] | null): HttpProblem {
  const errors = (faults ?? []).map((fault) => {
    const missing = fault.params?.missingProperty;
    const pointer = typeof missing === 'string' ? `${fault.instancePath}/${missing}` : fault.instancePath;
    return {
      pointer,
      detail: typeof missing === 'string' ? 'is missing' : (fault.message ?? 'is not valid'),
    };
  });
  return new HttpProblem(
    400,
    'body_invalid',
    'The body does not have the form that this route takes; see errors.',
    {
      errors,
    },
  );
}

/** Answers the request with the problem. Source: RFC 9457. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: HttpProblem,
): FastifyReply {
  if (problem.retryAfterSeconds !== null) reply.header('retry-after', problem.retryAfterSeconds);
  return reply
    .code(problem.status)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemBody(problem, request.originalUrl.split('?', 1)[0] ?? '/', requestTraceId(request)));
}

/** The members of a problem document. */
export function problemBody(problem: HttpProblem, instance: string | null, traceId: string | null): object {
  return {
    type: `urn:tributary:problem:${problem.code}`,
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    ...(instance === null ? {} : { instance }),
    code: problem.code,
    ...(problem.errors.length === 0 ? {} : { errors: problem.errors }),
    ...problem.members,
    ...(traceId === null ? {} : { traceId }),
  };
}

/** The trace id of the request's header `traceparent`; null without a valid one. Source: W3C Trace Context. */
export function requestTraceId({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  const { traceparent } = headers;
  const context = typeof traceparent === 'string' ? traceContextOf(traceparent, null) : null;
  return context === null ? null : traceIdOf(context);
}
