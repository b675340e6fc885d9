import type { FastifyRequest } from 'fastify';
import { keyNameOf } from '../../shared/http/api-access.ts';

/** Who sent the request, for the audit log: the name of its key if it has one, and its address. */
export function callerOf(request: FastifyRequest): string {
  const name = keyNameOf(request);
  return name === null ? `HTTP API, from ${request.ip}` : `HTTP API, key ${name}, from ${request.ip}`;
}
