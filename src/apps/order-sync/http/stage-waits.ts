import type { FastifyInstance, FastifyReply } from 'fastify';
import {
  type Reached,
  STAGES,
  type Stage,
  type StageSearch,
  untilReached,
} from '../../../pipeline/ask/reached.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { stoppingProblem, waitMsFrom, whenGone } from '../../shared/http/waiting.ts';
import type { OrderAskParts } from '../ask-parts.ts';
import { QuestionFault } from '../ask-query.ts';
import { deliveryJson } from '../delivery-json.ts';
import { questionFrom, textFrom } from './query.ts';

export const STAGE_WAIT_SECONDS_MAX = 30;
/** Each waiting reader costs some ten short queries a second. */
const WAITING_MAX = 100;

export const STAGE_QUERY = {
  type: 'object',
  properties: {
    after: {
      type: 'string',
      description: 'The id of an event of this order: answers only once the event has reached the stage.',
    },
    stage: {
      type: 'string',
      enum: STAGES,
      description:
        'journaled: the journal has the event. projected (the default): the row shows it. delivered: every target has accepted a state that is at least as new, or none was due to it.',
    },
    wait: {
      type: 'number',
      minimum: 0,
      maximum: STAGE_WAIT_SECONDS_MAX,
      description: 'The most seconds to wait for that. Without it the order is looked at once.',
    },
  },
} as const;

/** Readers that wait until an event of theirs has reached a stage. */
export class StageWaits {
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #waiting = 0;

  constructor(app: FastifyInstance, clock: Clock) {
    this.#clock = clock;
    // A waiting reader would keep the server from closing.
    app.addHook('preClose', (done) => {
      this.#stopping.abort();
      done();
    });
  }

  /**
   * Resolves once the event of the query has reached its stage, and at once without an event. Throws `not_reached_yet` when
   * the time of the query is over.
   */
  async pass(query: Query, entityId: string, parts: OrderAskParts, reply: FastifyReply): Promise<void> {
    const given = questionFrom(query, STAGE_QUERY, () => eventFrom(query));
    const waitMs = waitMsFrom(query, STAGE_WAIT_SECONDS_MAX);
    if (given === null) return;
    if (waitMs > 0 && this.#waiting >= WAITING_MAX)
      throw new HttpProblem(503, 'too_many_waiting', 'As many readers wait as may; ask again without wait.', {
        retryAfterSeconds: 1,
      });
    const search = { ...given, entityId };
    const stopping = this.#stopping.signal;
    const signal = AbortSignal.any([stopping, whenGone(reply)]);
    const counted = Number(waitMs > 0);
    this.#waiting += counted;
    try {
      const reached = await untilReached({ ...parts, clock: this.#clock }, search, { waitMs, signal });
      if (reached.isReached) return;
      throw stopping.aborted ? stoppingProblem() : notReached(search, reached);
    } finally {
      this.#waiting -= counted;
    }
  }
}

function eventFrom(query: Query): Omit<StageSearch, 'entityId'> | null {
  const eventId = textFrom(query, 'after');
  const stage = textFrom(query, 'stage') ?? 'projected';
  if (!STAGES.some((known) => known === stage))
    throw new QuestionFault('stage', `is one of ${STAGES.join(', ')}`);
  if (eventId !== undefined && eventId !== '') return { eventId, stage: stage as Stage };
  if (eventId === '') throw new QuestionFault('after', 'is the id of an event');
  for (const part of ['stage', 'wait'])
    if (query[part] !== undefined) throw new QuestionFault(part, 'needs after, the id of an event');
  return null;
}

function notReached({ stage }: StageSearch, reached: Reached): HttpProblem {
  const { version, isProjected, owed } = reached;
  return new HttpProblem(504, 'not_reached_yet', sentenceOf(reached), {
    members: {
      stage,
      reached: {
        journaled: version !== null,
        version,
        projected: isProjected,
        deliveries: owed.map(deliveryJson),
      },
    },
  });
}

function sentenceOf({ version, obstacle, owed }: Reached): string {
  if (version === null) return 'The journal has no event of this order with this id yet.';
  const journaled = `The event is journaled, as version ${version} of the order`;
  switch (obstacle) {
    case 'parked':
      return `${journaled}, but the order is parked: see GET /api/v1/orders/{id}/explain.`;
    case 'awaits_rebuild':
      return `${journaled}, but rows stay as they are until a rebuild: see docs/operations.md.`;
    case 'row_behind':
      return `${journaled}, but the order's row is behind or missing; order-sync will make it again.`;
    case null: {
      const dead = owed.filter(({ status }) => status === 'dead').map(({ target }) => target);
      const others = owed.filter(({ status }) => status !== 'dead').map(({ target }) => target);
      const parts = [
        ...(others.length === 0 ? [] : [`${others.join(' and ')} has not accepted it yet`]),
        ...(dead.length === 0 ? [] : [`its delivery to ${dead.join(' and ')} is dead until it is redriven`]),
      ];
      return `${journaled}, and ${parts.join(', and ')}.`;
    }
  }
}
