import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { messageOf } from '../../../core/errors.ts';
import { listRows, type RowsFound, type RowsQuery } from '../../../pipeline/ask/list-rows.ts';
import type { Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { stoppingProblem } from '../../shared/http/waiting.ts';
import type { OrderAskParts } from '../ask-parts.ts';
import { QuestionFault, rowsQueryOf } from '../ask-query.ts';
import { EXPORT_FORMATS, type ExportFormat, textsOf } from '../export-text.ts';
import { EXPORT_QUERY, EXPORT_SCHEMA } from './order-schemas.ts';
import { questionFrom, rowsGivenFrom, textFrom } from './query.ts';
import type { ServerParts } from './server-parts.ts';

const PAGE_ROWS = 500;
/** The exports that run at the same time, each of which reads a page after the other. */
const EXPORTS_MAX = 4;

/** The route that gives all orders that the filters ask for, as a file. */
export function addExportRoutes(app: FastifyInstance, { ask, logger, synced }: ServerParts): void {
  const { plural } = synced;
  const stopping = new AbortController();
  let running = 0;
  // An export that runs would keep the server from closing.
  app.addHook('preClose', (done) => {
    stopping.abort();
    done();
  });
  app.get<{ Querystring: Query }>(
    // fastify reads two colons as one.
    '/api/v1/orders::export',
    {
      schema: {
        operationId: 'exportOrders',
        summary: 'All orders, or those that the filters ask for, as a file.',
        querystring: EXPORT_QUERY,
        response: { 200: EXPORT_SCHEMA },
      },
    },
    async (request, reply) => {
      const parts = ask();
      if (parts === null)
        throw new HttpProblem(503, 'not_ready', 'The database is not there yet; see /readyz.', {
          retryAfterSeconds: 1,
        });
      const { format, rows } = questionFrom(request.query, EXPORT_QUERY, () => ({
        format: formatFrom(request.query),
        rows: rowsQueryOf(parts.domain.view, rowsGivenFrom(request.query)),
      }));
      if (request.method === 'HEAD') return withHeaders(reply, plural, format).send();
      if (stopping.signal.aborted) throw stoppingProblem();
      if (running >= EXPORTS_MAX)
        throw new HttpProblem(503, 'too_many_exports', `${EXPORTS_MAX} exports run; come back later.`, {
          retryAfterSeconds: 10,
        });
      running++;
      try {
        const pages = pagesOf(parts, rows, stopping.signal);
        // A fault before the first page is answered as a problem.
        const first = await pages.next();
        const texts = Readable.from(
          textsOf(parts.domain, format, first.done === true ? [] : first.value.rows, pages),
          { objectMode: false, highWaterMark: 1 },
        );
        texts.once('error', (error) => {
          if (!stopping.signal.aborted)
            logger('error', `An export of ${plural} broke off: ${messageOf(error)}`);
        });
        texts.once('close', () => running--);
        return withHeaders(reply, plural, format).send(texts);
      } catch (error) {
        running--;
        throw error;
      }
    },
  );
}

function formatFrom(query: Query): ExportFormat {
  const text = textFrom(query, 'format') ?? 'csv';
  const format = EXPORT_FORMATS.find((known) => known === text);
  if (format !== undefined) return format;
  throw new QuestionFault('format', `is one of ${EXPORT_FORMATS.join(', ')}`);
}

const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson',
};

function withHeaders(reply: FastifyReply, plural: string, format: ExportFormat): FastifyReply {
  return reply
    .type(MEDIA_TYPES[format])
    .header('content-disposition', `attachment; filename="${plural}.${format}"`)
    .header('cache-control', 'no-store');
}

/** Page after page. A page may be empty although others follow. Throws when the signal aborts between two of them. */
async function* pagesOf(
  parts: OrderAskParts,
  query: Omit<RowsQuery, 'after' | 'limit'>,
  signal: AbortSignal,
): AsyncGenerator<RowsFound, void, void> {
  for (let after: string | null = null; ; ) {
    signal.throwIfAborted();
    const page: RowsFound = await listRows(parts, { ...query, after, limit: PAGE_ROWS });
    yield page;
    after = page.next;
    if (after === null) return;
    // Other requests have their turn in between.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
