import type { FastifyReply } from 'fastify';

/** The value as JSON. Offsets are bigints; as texts they keep their last digits in every reader. */
export function jsonOf(value: unknown, space?: number): string {
  return JSON.stringify(
    value,
    (_name, member: unknown) => (typeof member === 'bigint' ? member.toString() : member),
    space,
  );
}

/** Answers with the whole value, whose members the schema of the route need not name one by one. */
export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json').send(jsonOf(value));
}
