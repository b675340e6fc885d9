import type { FastifyRequest } from 'fastify';
import { keyNameOf } from '../../shared/http/api-access.ts';

/** The name under which a decision of this caller is recorded: its key, if it shows one, and its address. */
export function callerOf(request: FastifyRequest): string {
  const name = keyNameOf(request);
  return name === null ? `HTTP API, from ${request.ip}` : `HTTP API, key ${name}, from ${request.ip}`;
}
