import { z } from 'zod';
import { defineDomain } from '../../src/public/index.ts';

const plan = z.enum(['free', 'team', 'company']);

/** Subscriptions, whose source numbers its events (`revision`). Billing gets each one that is to be paid for, and its end. */
export const subscriptions = defineDomain({
  name: 'subscriptions',
  noun: 'subscription',
  topic: 'subscription_events',
  entityIdField: 'id',
  occurredAtField: 'at',
  events: {
    SUBSCRIBED: { schema: z.object({ plan, seats: z.int().positive() }) },
    PLAN_CHANGED: { schema: z.object({ plan }) },
    CANCELLED: { schema: z.object({ at: z.iso.datetime() }) },
  },
  initialState: { plan: 'free', seats: 0, endedAt: null as string | null },
  evolve: {
    SUBSCRIBED: (_, { plan, seats }) => ({ plan, seats, endedAt: null }),
    PLAN_CHANGED: (subscription, { plan }) => ({ ...subscription, plan }),
    CANCELLED: (subscription, { at }) => ({ ...subscription, endedAt: at }),
  },
  view: {
    table: 'subscriptions',
    keyColumn: 'subscription_id',
    columns: [
      { name: 'plan', type: 'text', maxLength: 20 },
      { name: 'seats', type: 'integer' },
      { name: 'ended_at', type: 'text', maxLength: 40 },
    ],
    row: ({ plan, seats, endedAt }) => [plan, seats, endedAt],
    isReady: ({ plan, seats }) => plan !== 'free' && seats > 0,
  },
});
