import type { FastifyInstance } from 'fastify';
import { type QuarantineSelection, selectionJson } from '../../../pipeline/jobs/quarantine-selection.ts';
import type { QuarantineFilter, QuarantineKey, QuarantinePage } from '../../../ports/quarantine.ts';
import { afterFrom, limitFrom, pageOf, type Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { jobJson } from '../job-json.ts';
import {
  QUARANTINE_FILTER_NAMES,
  QuarantineFilterFault,
  quarantineFilterOf,
  recordFilterOf,
} from '../quarantine-filter.ts';
import { quarantineJson, shownRecordJson } from '../quarantine-json.ts';
import { callerOf } from './caller.ts';
import { nextCursor, placeOf } from './cursor.ts';
import {
  DISCARD_SCHEMA,
  DISCARDED_SCHEMA,
  JOB_SCHEMA,
  QUARANTINE_PAGE_SCHEMA,
  QUARANTINE_QUERY_SCHEMA,
  QUARANTINE_REDRIVE_SCHEMA,
  SHOWN_RECORDS_SCHEMA,
} from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

const LIST_ROWS = 50;
/** Records with different hashes at one offset come from topics that were made again. */
const SHOWN_MAX = 20;
/** The records of one transaction of a discard, and of one request. */
const DISCARDED_AT_ONCE = 1_000;
const DISCARDED_MAX = 10_000;

interface SelectionBody {
  readonly records?: readonly string[];
  readonly filter?: Readonly<Record<string, string | number>>;
}

interface RedriveBody extends SelectionBody {
  readonly dryRun?: boolean;
  readonly requestedBy?: string;
  readonly reason?: string;
}

interface DiscardBody extends SelectionBody {
  readonly reason: string;
}

/** The routes of the quarantine: list, show one place, redrive, and discard. */
export function addQuarantineRoutes(
  app: FastifyInstance,
  { store, clock, decoder, synced, onJob }: ServerParts,
): void {
  const listSchema = {
    operationId: 'listQuarantine',
    summary:
      'Records that were refused, by topic, partition and offset; those that nobody has settled, unless asked.',
    querystring: QUARANTINE_QUERY_SCHEMA,
    response: { 200: QUARANTINE_PAGE_SCHEMA },
  };
  app.get<{ Querystring: Query }>('/api/v1/quarantine', { schema: listSchema }, async (request, reply) => {
    const { query } = request;
    const limit = limitFrom(query, LIST_ROWS);
    const after = afterFrom(query, keyOfCursor);
    const filter = filterFrom(query, '/', ['limit', 'after', 'state']);
    const state = stateFrom(query);
    const rows = await store.readQuarantine({ ...filter, state, after, limit: limit + 1 });
    const next = nextCursor(rows, limit, ({ topic, partition, offset, valueHash }) => [
      topic,
      `${partition}/${offset}/${valueHash}`,
    ]);
    return { data: rows.slice(0, limit).map(quarantineJson), page: pageOf(request, reply, next) };
  });

  app.get<{ Params: { topic: string; partition: string; offset: string } }>(
    '/api/v1/quarantine/:topic/:partition/:offset',
    {
      schema: {
        operationId: 'showQuarantined',
        summary:
          'The records of one offset, with their bytes, and what the decoder of today says about them. There are several only if the topic was made again.',
        response: { 200: SHOWN_RECORDS_SCHEMA },
      },
    },
    async ({ params: { topic, partition, offset } }) => {
      const filter = recordFilterOf(`${topic}/${partition}/${offset}`);
      const records =
        filter === null
          ? []
          : await store.readQuarantine({ ...filter, state: 'all', after: null, limit: SHOWN_MAX });
      if (records.length === 0)
        throw new HttpProblem(404, 'record_unknown', 'No record of this offset was put into quarantine.');
      const shown = records.map((record) => shownRecordJson(synced.domain, record, decoder, clock.now()));
      return { data: await Promise.all(shown) };
    },
  );

  app.post<{ Body: RedriveBody }>(
    // fastify reads two colons as one.
    '/api/v1/quarantine::redrive',
    {
      schema: {
        operationId: 'redriveQuarantined',
        summary: 'Makes a job that decodes open records again and journals those that pass.',
        body: QUARANTINE_REDRIVE_SCHEMA,
        response: { 202: JOB_SCHEMA },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const selection = selectionFrom(body);
      const jobId = clock.uuid();
      await store.createJob({
        jobId,
        kind: 'quarantine_redrive',
        parameters: selectionJson(selection),
        isDryRun: body.dryRun ?? false,
        requestedBy: body.requestedBy ?? callerOf(request),
        reason: body.reason ?? '',
        createdAtMs: clock.now(),
      });
      onJob();
      const job = await store.readJob(jobId);
      if (job === null) throw new HttpProblem(404, 'job_unknown', 'There is no job with this id.');
      return reply.code(202).header('location', `/api/v1/jobs/${jobId}`).send(jobJson(job));
    },
  );

  app.post<{ Body: DiscardBody }>(
    '/api/v1/quarantine::discard',
    {
      schema: {
        operationId: 'discardQuarantined',
        summary: `Settles open records as not wanted, at most ${DISCARDED_MAX} in one request. They stay in the table.`,
        body: DISCARD_SCHEMA,
        response: { 200: DISCARDED_SCHEMA },
      },
    },
    async (request) => {
      const selection = selectionFrom(request.body);
      const decision = {
        decidedBy: callerOf(request),
        reason: request.body.reason,
        decidedAtMs: clock.now(),
      };
      let discarded = 0;
      for (const filter of selection) {
        for (;;) {
          const limit = Math.min(DISCARDED_AT_ONCE, DISCARDED_MAX - discarded);
          if (limit === 0) return { discarded, hasMore: true };
          const count = await store.discardQuarantined({ ...decision, filter, limit });
          discarded += count;
          if (count < limit) break;
        }
      }
      return { discarded, hasMore: false };
    },
  );
}

function selectionFrom({ records, filter }: SelectionBody): QuarantineSelection {
  if ((records === undefined) === (filter === undefined)) {
    throw problem('/records', 'is given, or filter, and not both; an empty filter selects all open records');
  }
  if (filter !== undefined) {
    const given = Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, String(value)]));
    return [filterFrom(given, '/filter/', [])];
  }
  return (records ?? []).map((name, index) => {
    const found = recordFilterOf(name);
    if (found === null) throw problem(`/records/${index}`, 'is a record, as in order_events/3/1204');
    return found;
  });
}

function filterFrom(given: Query, pointer: string, others: readonly string[]): QuarantineFilter {
  const known: readonly string[] = [...QUARANTINE_FILTER_NAMES, ...others];
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name))
      throw problem(
        `${pointer}${name}`,
        `is no filter; the filters are ${QUARANTINE_FILTER_NAMES.join(', ')}`,
      );
    if (typeof value !== 'string') throw problem(`${pointer}${name}`, 'is given more than once');
  }
  try {
    return quarantineFilterOf(given as Readonly<Record<string, string>>);
  } catch (error) {
    if (error instanceof QuarantineFilterFault) throw problem(`${pointer}${error.part}`, error.message);
    throw error;
  }
}

function stateFrom({ state }: Query): QuarantinePage['state'] {
  if (state === undefined || state === 'open' || state === 'settled' || state === 'all') return state;
  throw problem('/state', 'is one of open, settled, all');
}

function problem(pointer: string, detail: string): HttpProblem {
  return new HttpProblem(400, 'filter_invalid', 'A filter is invalid; see errors.', {
    errors: [{ pointer, detail }],
  });
}

function keyOfCursor(cursor: string): QuarantineKey | null {
  const [topic, rest] = placeOf(cursor) ?? [];
  const [, partition, offset, valueHash] = /^(\d{1,9})\/(\d{1,19})\/([0-9a-f]{64})$/.exec(rest ?? '') ?? [];
  if (topic === undefined || offset === undefined || valueHash === undefined) return null;
  return { topic, partition: Number(partition), offset: BigInt(offset), valueHash };
}
