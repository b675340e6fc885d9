/** One event to be published. */
export interface TriedEvent {
  readonly eventType: string;
  readonly body: Readonly<Record<string, string | number>>;
  readonly eventId?: string;
}

export interface Scenario {
  readonly name: string;
  readonly explanation: string;
  /** The events in the sequence of their publication, each with its pause before it. */
  readonly steps: (orderId: string, nowMs: number) => readonly ScenarioStep[];
}

export interface ScenarioStep {
  readonly words: string;
  readonly event: TriedEvent;
  /** Waits until the events before this one are delivered. */
  readonly waitsForDelivery?: boolean;
}

const created = (orderId: string, ms: number): TriedEvent => ({
  eventType: 'ORDER',
  body: { eventType: 'ORDER', orderId, orderStatus: 'CREATED', timestamp: new Date(ms).toISOString() },
});

const payment = (orderId: string, paymentStatus: string, ms: number): TriedEvent => ({
  eventType: 'PAYMENT',
  body: { eventType: 'PAYMENT', orderId, paymentStatus, timestamp: new Date(ms).toISOString() },
});

/** What happens in life, as streams of events. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'An order and its payment',
    explanation: 'The order is created and its payment authorised: it becomes ready, and is delivered.',
    steps: (orderId, nowMs) => [
      { words: 'created', event: created(orderId, nowMs - 1_000) },
      { words: 'authorised', event: payment(orderId, 'PAYMENT_AUTHORIZED', nowMs) },
    ],
  },
  {
    name: 'An early payment',
    explanation:
      'The payment arrives before its order. The row has no order status until the order arrives, as a late event.',
    steps: (orderId, nowMs) => [
      { words: 'authorised', event: payment(orderId, 'PAYMENT_AUTHORIZED', nowMs) },
      { words: 'created, a second earlier', event: created(orderId, nowMs - 1_000) },
    ],
  },
  {
    name: 'A duplicate',
    explanation: 'The same event comes twice. It is journaled once, and delivered once.',
    steps: (orderId, nowMs) => {
      const twice = { ...payment(orderId, 'PAYMENT_AUTHORIZED', nowMs), eventId: `${orderId}-payment` };
      return [
        { words: 'created', event: created(orderId, nowMs - 1_000) },
        { words: 'authorised', event: twice },
        { words: 'the same event again', event: twice },
      ];
    },
  },
  {
    name: 'A review',
    explanation: 'The payment waits for a review, which accepts it.',
    steps: (orderId, nowMs) => [
      { words: 'created', event: created(orderId, nowMs - 2_000) },
      {
        words: 'authorised, review pending',
        event: payment(orderId, 'PAYMENT_AUTH_WITHPENDING_REVIEW', nowMs - 1_000),
      },
      { words: 'review accepted', event: payment(orderId, 'AUTHORIZATION_REVIEW_ACCEPTED', nowMs) },
    ],
  },
  {
    name: 'Declined after it was sent',
    explanation: 'The review declines an order that the target has already. It is sent again, as not ready.',
    steps: (orderId, nowMs) => [
      { words: 'created', event: created(orderId, nowMs - 2_000) },
      { words: 'authorised', event: payment(orderId, 'PAYMENT_AUTHORIZED', nowMs - 1_000) },
      {
        words: 'review declined, after the delivery',
        event: payment(orderId, 'AUTHORIZATION_REVIEW_DECLINED', nowMs),
        waitsForDelivery: true,
      },
    ],
  },
];

/** A new id, which sorts by the time at which it was made. */
export function newOrderId(nowMs: number, random: number): string {
  return `try-${nowMs.toString(36)}-${Math.floor(random * 46_656)
    .toString(36)
    .padStart(3, '0')}`;
}
