import type { FastifyInstance } from 'fastify';
import { TributaryError } from '../../../core/errors.ts';
import { partitionName } from '../../../core/offset.ts';
import type { Decision } from '../../../ports/audit.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { partitionJson, readPartitions } from '../partition-rows.ts';
import { carryOut, plannedJson, planResumeAll, resumeOne } from '../resuming.ts';
import { callerOf } from './caller.ts';
import { PARTITION_LIST_SCHEMA, RESUME_BODY, RESUMED_LIST_SCHEMA } from './hold-schemas.ts';
import type { ServerParts } from './server-parts.ts';

interface ResumeBody {
  readonly partition?: string;
  readonly all?: true;
  readonly at?: string | number;
  readonly kind?: string;
  readonly skip?: boolean;
  readonly dryRun?: boolean;
  readonly reason: string;
}

/** The routes of partitions: list all of them, and let halted ones go on. */
export function addPartitionRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { store, log, topics, clock } = parts;

  app.get(
    '/api/v1/partitions',
    {
      schema: {
        operationId: 'listPartitions',
        summary: 'How far each partition is journaled, and which partitions are halted or paused.',
        response: { 200: PARTITION_LIST_SCHEMA },
      },
    },
    async () => {
      const { rows, missingTopics } = await readPartitions(topics, { store, log });
      return { data: rows.map((row) => texts(partitionJson(row))), missingTopics, page: ONE_PAGE };
    },
  );

  app.post<{ Body: ResumeBody }>(
    // fastify reads two colons as one; a single one would begin a parameter.
    '/api/v1/partitions::resume',
    {
      schema: {
        operationId: 'resumePartitions',
        summary:
          'Lets one partition go on at an offset, or all halted ones at the offsets that their halts ask for.',
        body: RESUME_BODY,
        response: { 200: RESUMED_LIST_SCHEMA },
      },
    },
    async (request) => {
      const { body } = request;
      const decision: Decision = {
        decidedBy: callerOf(request),
        reason: body.reason.trim(),
        decidedAtMs: clock.now(),
      };
      refuseContradictions(body);
      const rows = body.partition === undefined ? await all(body, decision) : await one(body, decision);
      return { data: rows.map(texts), page: ONE_PAGE };
    },
  );

  async function one({ partition: name = '', at, skip }: ResumeBody, decision: Decision): Promise<object[]> {
    const request = { name, at: at === undefined ? undefined : String(at), skips: skip ?? false };
    try {
      const words = { at: 'at', skip: '"skip": true' };
      const { before, ...target } = await resumeOne({ store, log }, request, decision, words);
      const { topic, partition, offset } = target;
      const { haltReason, nextOffset: fromOffset } = before;
      return [{ topic, partition, haltReason, fromOffset, toOffset: offset, resumed: true, failure: null }];
    } catch (error) {
      if (!(error instanceof TributaryError && error.code === 'usage')) throw error;
      throw new HttpProblem(400, 'resume_invalid', error.message);
    }
  }

  async function all({ kind, at, dryRun }: ResumeBody, decision: Decision): Promise<object[]> {
    const plan = await planResumeAll({ store, log }, { kind: kind ?? null, fromStart: at === 'earliest' });
    if (dryRun === true)
      return plan.map((planned) =>
        plannedJson(planned, {
          resumed: false,
          failure: planned.to === null ? planned.explanation : null,
        }),
      );
    const outcomes = await carryOut({ store }, plan, decision);
    return outcomes.map(({ planned, failure }) =>
      plannedJson(planned, { resumed: failure === null, failure }),
    );
  }
}

/** The partitions of an instance are few enough for one page. */
const ONE_PAGE = { next: null, hasMore: false } as const;

/** Offsets go as texts, because clients would lose the last digits of large numbers. */
function texts(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? value.toString() : value]),
  );
}

function refuseContradictions({ partition, all, at, kind, skip, dryRun }: ResumeBody): void {
  const refuse = (detail: string) => {
    throw new HttpProblem(400, 'resume_invalid', detail);
  };
  if ((partition === undefined) === (all === undefined))
    refuse(
      `Give one of partition, as in ${partitionName({ topic: 'order_events', partition: 3 })}, and all.`,
    );
  if (partition !== undefined && (kind !== undefined || dryRun !== undefined))
    refuse('kind and dryRun belong to all.');
  if (all !== undefined && skip !== undefined) refuse('skip belongs to one partition.');
  if (all !== undefined && at !== undefined && at !== 'earliest')
    refuse('An offset belongs to one partition: with all, leave at out, or give "earliest".');
}
