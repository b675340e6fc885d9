import type { FastifyReply } from 'fastify';
import type { Query } from './paging.ts';
import { HttpProblem } from './problem.ts';

/** The longest time that the reader waits for what it asks for. Throws `wait_invalid`. */
export function waitMsFrom(query: Query, secondsMax: number): number {
  const value = query.wait;
  if (value === undefined) return 0;
  const seconds =
    typeof value === 'string' && /^\d{1,2}(\.\d{1,3})?$/.test(value) ? Number(value) : Number.NaN;
  if (seconds >= 0 && seconds <= secondsMax) return seconds * 1_000;
  throw new HttpProblem(400, 'wait_invalid', `wait is a number of seconds from 0 to ${secondsMax}.`);
}

/** The refusal of a request that would take longer than the server still runs. */
export function stoppingProblem(): HttpProblem {
  return new HttpProblem(503, 'stopping', 'The server stops; ask another instance, or come back later.', {
    retryAfterSeconds: 1,
  });
}

/** A signal that aborts when the reader closes the connection, so that the server forgets readers that have left. */
export function whenGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
