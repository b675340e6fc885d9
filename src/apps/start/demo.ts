import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { type EventCode, makeBody } from '../event-producer/codes.ts';
import {
  type OutgoingEvent,
  publish,
  type TopicsByEventType,
  toOutgoing,
} from '../event-producer/publish.ts';

interface DemoOrder {
  readonly orderId: string;
  /** The events in the sequence of their publishing. `minute` is the time that the source gives them. */
  readonly events: readonly (readonly [code: EventCode, minute: number])[];
  readonly story: string;
  /** The payment status at the target in the end. Null if the target never gets the order. */
  readonly finally: string | null;
}

/** Orders whose events come in sequence, payment first, late, twice, and with a review that declines. */
const DEMO_ORDERS: readonly DemoOrder[] = [
  {
    orderId: 'demo-1',
    events: [
      ['o', 0],
      ['pa', 1],
    ],
    story: 'created, then paid',
    finally: 'PAYMENT_AUTHORIZED',
  },
  {
    orderId: 'demo-2',
    events: [
      ['pa', 1],
      ['o', 0],
    ],
    story: 'the payment came before its order',
    finally: 'PAYMENT_AUTHORIZED',
  },
  {
    orderId: 'demo-3',
    events: [
      ['o', 0],
      ['par', 1],
      ['paa', 2],
    ],
    story: 'reviewed and accepted',
    finally: 'AUTHORIZATION_REVIEW_ACCEPTED',
  },
  {
    orderId: 'demo-4',
    events: [
      ['paa', 2],
      ['o', 0],
      ['par', 1],
    ],
    story: 'accepted; the pending review came late',
    finally: 'AUTHORIZATION_REVIEW_ACCEPTED',
  },
  {
    orderId: 'demo-5',
    events: [
      ['o', 0],
      ['pa', 1],
      ['pa', 1],
    ],
    story: 'the payment came twice',
    finally: 'PAYMENT_AUTHORIZED',
  },
  {
    orderId: 'demo-6',
    events: [
      ['o', 0],
      ['par', 1],
      ['pad', 2],
    ],
    story: 'declined: never ready, never sent',
    finally: null,
  },
];

const FIRST_MINUTE_MS = Date.UTC(2025, 3, 5, 2, 26);
const WAIT_MS = 10_000;

export interface DemoParts {
  readonly log: EventLog;
  readonly topics: TopicsByEventType;
  readonly clock: Clock;
  readonly orderMgtUrl: string;
  /** The key that the demonstration reads by. */
  readonly apiKey: string;
  readonly print: (line: string) => void;
}

/** Publishes the events of the demonstration, waits for their states at the target, and prints the outcome of each order. */
export async function runDemo(parts: DemoParts): Promise<void> {
  const { log, topics, clock, print } = parts;
  const producer = log.producer();
  try {
    await publish(producer, demoEvents(topics, clock));
    // This record is no event. It is kept in quarantine, and all others flow on.
    await producer.append([
      {
        topic: [...topics.values()][0] ?? '',
        key: Buffer.from('demo-7'),
        value: Buffer.from('{"eventType":"ORD'),
        headers: [],
      },
    ]);
  } finally {
    await producer.close();
  }
  print('');
  print('  order    events as they arrived   what happened                             at order-mgt');
  for (const order of DEMO_ORDERS) {
    const { orderId, events, story } = order;
    const arrived = events.map(([code]) => code).join(' ');
    print(`  ${orderId}   ${arrived.padEnd(23)}  ${story.padEnd(40)}  ${await stateAtTarget(parts, order)}`);
  }
  print(`  demo-7   ${'(broken JSON)'.padEnd(23)}  ${'kept in quarantine'.padEnd(40)}  -`);
}

function demoEvents(topics: TopicsByEventType, clock: Clock): OutgoingEvent[] {
  return DEMO_ORDERS.flatMap(({ orderId, events }) => {
    // The same code in one order is the same event, published twice.
    const ids = new Map<EventCode, string>();
    return events.map(([code, minute]) => {
      const eventId = ids.get(code) ?? clock.uuid();
      ids.set(code, eventId);
      const body = makeBody(code, orderId, { timestampMs: FIRST_MINUTE_MS + minute * 60_000 });
      return toOutgoing(body, { eventId, source: '/tributary/demo', topics });
    });
  });
}

/** The order's state at the target when it has its final payment status. After 10 s a note that it does not have it. */
async function stateAtTarget({ orderMgtUrl, apiKey }: DemoParts, order: DemoOrder): Promise<string> {
  if (order.finally === null) return '-';
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const answer = await fetch(`${orderMgtUrl}/api/orders/${order.orderId}?wait=2`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const state = answer.ok ? ((await answer.json()) as { payment_status: string; version: number }) : null;
    if (state === null) await answer.body?.cancel();
    if (state?.payment_status === order.finally) return `${state.payment_status}, version ${state.version}`;
    if (performance.now() > until)
      return `not ${order.finally} after ${WAIT_MS / 1_000} s: see the log above`;
    await pause(50);
  }
}
