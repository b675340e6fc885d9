import type { FastifyInstance } from 'fastify';
import { afterFrom, limitFrom, PAGE_QUERY, pageOf, type Query } from '../../shared/http/paging.ts';
import { auditJson } from '../job-json.ts';
import { nextCursor, placeOf } from './cursor.ts';
import { AUDIT_PAGE_SCHEMA } from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

const LIST_ROWS = 50;

/** The route of the audit log. */
export function addAuditRoutes(app: FastifyInstance, { store }: ServerParts): void {
  const schema = {
    operationId: 'listAudit',
    summary: 'Who decided what and why, the newest first.',
    querystring: PAGE_QUERY,
    response: { 200: AUDIT_PAGE_SCHEMA },
  };
  app.get<{ Querystring: Query }>('/api/v1/audit', { schema }, async (request, reply) => {
    const limit = limitFrom(request.query, LIST_ROWS);
    const after = afterFrom(request.query, auditPlaceOf);
    const rows = await store.listAudit({ after, limit: limit + 1 });
    const next = nextCursor(rows, limit, ({ auditId }) => ['audit', String(auditId)]);
    return { data: rows.slice(0, limit).map(auditJson), page: pageOf(request, reply, next) };
  });
}

function auditPlaceOf(cursor: string): bigint | null {
  const place = placeOf(cursor);
  return place?.[0] === 'audit' && /^\d{1,18}$/.test(place[1]) ? BigInt(place[1]) : null;
}
