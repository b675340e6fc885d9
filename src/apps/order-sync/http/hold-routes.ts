import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Decision } from '../../../ports/audit.ts';
import { type HoldPart, partName } from '../../../ports/holds.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { faultOfPart, holdJson } from '../hold-parts.ts';
import { callerOf } from './caller.ts';
import { HOLD_BODY, HOLD_LIST_SCHEMA, HOLD_SCHEMA } from './hold-schemas.ts';
import type { ServerParts } from './server-parts.ts';

interface HoldBody {
  readonly part: {
    readonly kind: HoldPart['kind'];
    readonly topic?: string;
    readonly partition?: number;
    readonly target?: string;
  };
  readonly reason: string;
}

/** The routes of holds: list what is paused, pause a part, and end a pause. This instance follows at once. */
export function addHoldRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { store, clock, onHolds } = parts;
  const decisionOf = (request: FastifyRequest<{ Body: HoldBody }>): Decision => ({
    decidedBy: callerOf(request),
    reason: request.body.reason.trim(),
    decidedAtMs: clock.now(),
  });

  app.get(
    '/api/v1/holds',
    {
      schema: {
        operationId: 'listHolds',
        summary: 'What operators have paused, the oldest first.',
        response: { 200: HOLD_LIST_SCHEMA },
      },
    },
    async () => ({ data: (await store.listHolds()).map(holdJson), page: { next: null, hasMore: false } }),
  );

  app.post<{ Body: HoldBody }>(
    '/api/v1/holds',
    {
      schema: {
        operationId: 'hold',
        summary: 'Pauses all ingest, a topic, a partition, or a target, until the hold is released.',
        body: HOLD_BODY,
        response: { 201: HOLD_SCHEMA },
      },
    },
    async (request, reply) => {
      const part = partFrom(request.body);
      const fault = await faultOfPart(part, parts);
      if (fault !== null) throw partProblem(fault);
      const decision = decisionOf(request);
      const isNew = await store.hold(part, decision);
      await onHolds();
      if (!isNew) throw new HttpProblem(409, 'held_already', `Paused already: ${partName(part)}.`);
      const { decidedBy: heldBy, reason, decidedAtMs: heldAtMs } = decision;
      return reply.code(201).send(holdJson({ part, heldBy, reason, heldAtMs }));
    },
  );

  app.post<{ Body: HoldBody }>(
    // fastify reads two colons as one; a single one would begin a parameter.
    '/api/v1/holds::release',
    {
      schema: {
        operationId: 'release',
        summary: 'Ends the hold of exactly this part. It goes on where it stopped.',
        body: HOLD_BODY,
        response: { 200: HOLD_LIST_SCHEMA },
      },
    },
    async (request) => {
      const part = partFrom(request.body);
      const wasHeld = await store.release(part, decisionOf(request));
      await onHolds();
      if (!wasHeld) throw new HttpProblem(404, 'hold_unknown', `Not paused itself: ${partName(part)}.`);
      return { data: (await store.listHolds()).map(holdJson), page: { next: null, hasMore: false } };
    },
  );
}

/** The part of a body. Throws `part_invalid` if it lacks the name of its kind, or has that of another. */
function partFrom({ part: { kind, topic, partition, target } }: HoldBody): HoldPart {
  const given = { topic, partition, target };
  const wanted = NAMES_OF[kind];
  for (const [name, value] of Object.entries(given)) {
    const isWanted = wanted.includes(name);
    if (isWanted && value === undefined) throw partProblem(`A part of kind ${kind} needs ${name}.`, name);
    if (!isWanted && value !== undefined) throw partProblem(`A part of kind ${kind} has no ${name}.`, name);
  }
  switch (kind) {
    case 'ingest':
      return { kind };
    case 'topic':
      return { kind, topic: topic as string };
    case 'partition':
      return { kind, topic: topic as string, partition: partition as number };
    case 'target':
      return { kind, target: target as string };
  }
}

const NAMES_OF: Readonly<Record<HoldPart['kind'], readonly string[]>> = {
  ingest: [],
  topic: ['topic'],
  partition: ['topic', 'partition'],
  target: ['target'],
};

function partProblem(detail: string, name?: string): HttpProblem {
  const pointer = name === undefined ? '/part' : `/part/${name}`;
  return new HttpProblem(400, 'part_invalid', detail, { errors: [{ pointer, detail }] });
}
