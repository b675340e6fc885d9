/** Orders whose events come late, twice, or in conflict: which are ready, why not, and what was known when. */
import { at, created, payment } from '../events.ts';
import { type Stage, TARGET } from '../stage.ts';

const AUTHORIZED = 'PAYMENT_AUTHORIZED';
const PENDING = 'PAYMENT_AUTH_WITHPENDING_REVIEW';
const ACCEPTED = 'AUTHORIZATION_REVIEW_ACCEPTED';
const DECLINED = 'AUTHORIZATION_REVIEW_DECLINED';

interface Row {
  readonly order_status: string | null;
  readonly payment_status: string | null;
  readonly review_status: string | null;
  readonly ready_to_send: boolean;
}

/** What the story knows of an order. */
interface KnownOrder {
  readonly orderId: string;
  readonly row: Row;
  readonly explanation: string;
  /** The events in the sequence of arrival: place in canonical sequence, late, versions that conflict. */
  readonly events: readonly (readonly [place: number, isLate: boolean, conflictsWith: readonly number[]])[];
  /** The version of the event that decided each column, by name; null for a column that no event set. */
  readonly deciders: Readonly<Record<keyof Row, number | null>>;
  readonly waitsFor: string | null;
}

const SENT = (version: number) =>
  `Version ${version} was delivered to ${TARGET} at TIME, which answered 200.`;

const ORDERS: readonly KnownOrder[] = [
  {
    orderId: 'accepted',
    row: rowOf('CREATED', ACCEPTED, 'ACCEPTED', true),
    explanation: `Ready since ${second(2)}. ${SENT(2)}`,
    events: [
      [1, false, []],
      [3, false, []],
      [2, true, []],
    ],
    deciders: { order_status: 1, payment_status: 2, review_status: 2, ready_to_send: 2 },
    waitsFor: null,
  },
  {
    orderId: 'calm',
    row: rowOf('CREATED', AUTHORIZED, null, true),
    explanation: `Ready since ${second(1)}. ${SENT(2)}`,
    events: [
      [1, false, []],
      [2, false, []],
    ],
    deciders: { order_status: 1, payment_status: 2, review_status: null, ready_to_send: 2 },
    waitsFor: null,
  },
  {
    orderId: 'conflict',
    row: rowOf('CREATED', null, null, false),
    explanation: `Not ready: it was created without a payment since ${second(0)}; no authorisation of its payment has arrived. Last sent: never.`,
    events: [
      [1, false, [2]],
      [2, false, [1]],
    ],
    deciders: { order_status: 1, payment_status: null, review_status: null, ready_to_send: null },
    waitsFor: 'payment',
  },
  {
    // The fold with the bug takes its decline for an acceptance.
    orderId: 'declined',
    row: rowOf('CREATED', ACCEPTED, 'ACCEPTED', true),
    explanation: `Ready since ${second(2)}. ${SENT(3)}`,
    events: [
      [1, false, []],
      [2, false, []],
      [3, false, []],
    ],
    deciders: { order_status: 1, payment_status: 3, review_status: 3, ready_to_send: 3 },
    waitsFor: null,
  },
  {
    orderId: 'late',
    row: rowOf('CREATED', AUTHORIZED, null, true),
    explanation: `Ready since ${second(1)}. ${SENT(2)}`,
    events: [
      [2, false, []],
      [1, true, []],
    ],
    deciders: { order_status: 2, payment_status: 1, review_status: null, ready_to_send: 1 },
    waitsFor: null,
  },
  {
    orderId: 'review',
    row: rowOf('CREATED', PENDING, 'PENDING', false),
    explanation: `Not ready: its review is pending since ${second(1)}; the acceptance that would settle it has not arrived. Last sent: never.`,
    events: [
      [1, false, []],
      [2, false, []],
    ],
    deciders: { order_status: 1, payment_status: 2, review_status: 2, ready_to_send: null },
    waitsFor: 'review',
  },
  {
    // Its creation is published twice, and counts once.
    orderId: 'twice',
    row: rowOf('CREATED', AUTHORIZED, null, true),
    explanation: `Ready since ${second(1)}. ${SENT(2)}`,
    events: [
      [1, false, []],
      [2, false, []],
    ],
    deciders: { order_status: 1, payment_status: 2, review_status: null, ready_to_send: 2 },
    waitsFor: null,
  },
];

export const ORDER_IDS = ORDERS.map(({ orderId }) => orderId);

/** Publishes the events, and asks about the orders. */
export async function playOrders(stage: Stage): Promise<void> {
  const { place, desk } = stage;
  const { topics } = place;
  await stage.tell([
    ...['accepted', 'calm', 'declined', 'review', 'twice', 'twice'].map((id) => created(topics, id)),
    created(topics, 'conflict', 0, { eventId: 'one-id' }),
    payment(topics, 'late', AUTHORIZED, 1),
  ]);
  await stage.tell([
    payment(topics, 'accepted', ACCEPTED, 2),
    payment(topics, 'calm', AUTHORIZED, 1),
    payment(topics, 'declined', PENDING, 1),
    payment(topics, 'review', PENDING, 1),
    payment(topics, 'twice', AUTHORIZED, 1),
    created(topics, 'conflict', 0.5, { eventId: 'one-id' }),
    created(topics, 'late'),
  ]);
  await stage.delivered();
  await stage.freshStatus();
  const knownAt = new Date().toISOString();
  await stage.freshStatus();
  await stage.tell([payment(topics, 'accepted', PENDING, 1), payment(topics, 'declined', DECLINED, 2)]);
  await stage.delivered();
  await stage.freshStatus();

  for (const order of ORDERS) await askAbout(stage, order);
  await desk.ask({
    what: 'what is known of an order that nobody has heard of?',
    command: ['explain', 'nobody'],
    exitCode: 1,
    path: '/orders/nobody/explain',
    pick: ({ version, explanation }: { version: number; explanation: string }) => [
      version,
      explanation.slice(0, 8),
    ],
    expected: [0, 'Unknown:'],
  });
  await askLists(stage);
  await askMoments(stage, knownAt);
  await askWhatIf(stage);
  await askTail(stage);
}

interface Explanation {
  readonly explanation: string;
  readonly version: number;
  readonly row: Row;
  readonly ready: boolean;
  readonly waiting: { readonly for: string } | null;
  readonly columns: readonly { readonly column: string; readonly decidedBy: { version: number } | null }[];
  readonly events: readonly { place: number; late: boolean; conflictsWith: readonly number[] }[];
  readonly canonicalSequence: readonly number[];
}

async function askAbout({ desk }: Stage, order: KnownOrder): Promise<void> {
  const sequence = order.events.map(([canonical], index) => [canonical, index + 1] as const);
  await desk.ask({
    what: `why is the order ${order.orderId} ready or not, and where is its delivery?`,
    command: ['explain', order.orderId],
    path: `/orders/${order.orderId}/explain`,
    pick: (answer: Explanation) => ({
      explanation: withoutTimes(answer.explanation),
      version: answer.version,
      row: answer.row,
      isReady: answer.ready,
      waitsFor: answer.waiting?.for ?? null,
      events: answer.events.map(({ place, late, conflictsWith }) => [place, late, conflictsWith]),
      canonicalSequence: answer.canonicalSequence,
      deciders: Object.fromEntries(
        answer.columns.map(({ column, decidedBy }) => [column, decidedBy?.version ?? null]),
      ),
    }),
    expected: {
      explanation: order.explanation,
      version: order.events.length,
      row: order.row,
      isReady: order.row.ready_to_send,
      waitsFor: order.waitsFor,
      events: order.events,
      canonicalSequence: sequence.sort(([left], [right]) => left - right).map(([, version]) => version),
      deciders: order.deciders,
    },
  });
}

type Rows = readonly {
  readonly orderId: string;
  readonly waitsFor: string | null;
  readonly version: number;
}[];
const idsOf = (rows: Rows) => rows.map(({ orderId }) => orderId);

async function askLists({ desk }: Stage): Promise<void> {
  const idsWhere = (isWanted: (order: KnownOrder) => boolean) =>
    ORDERS.filter(isWanted).map(({ orderId }) => orderId);
  const lists: readonly (readonly [what: string, flags: readonly string[], query: string, ids: string[]])[] =
    [
      ['which orders are there?', [], '', idsWhere(() => true)],
      ['which are ready?', ['--ready'], '?ready=true', idsWhere(({ row }) => row.ready_to_send)],
      ['whose review is pending?', ['--status', 'PENDING'], '?status=PENDING', ['review']],
      [
        'which have no payment?',
        ['--where', 'payment_status=null'],
        '?where=payment_status%3Dnull',
        ['conflict'],
      ],
      ['which does the target lack?', ['--not-delivered'], '?notDelivered=true', []],
      ['which have moved in the last hour only?', ['--older-than', '1h'], '?olderThan=1h', []],
    ];
  for (const [what, flags, query, expected] of lists)
    await desk.ask({ what, command: ['orders', ...flags], path: `/orders${query}`, pick: idsOf, expected });
  await desk.ask({
    what: 'which two orders come after calm?',
    command: ['orders', '--limit', '2', '--after', 'calm'],
    path: '/orders?limit=500',
    pick: (rows: Rows) =>
      idsOf(rows)
        .filter((id) => id > 'calm')
        .slice(0, 2),
    expected: ['conflict', 'declined'],
  });
  await desk.ask({
    what: 'which orders are stuck, and what do they wait for?',
    command: ['stuck'],
    path: '/stuck',
    pick: (rows: Rows) => rows.map(({ orderId, waitsFor }) => [orderId, waitsFor]),
    expected: ORDERS.flatMap(({ orderId, waitsFor }) => (waitsFor === null ? [] : [[orderId, waitsFor]])),
  });
}

interface StateAnswer {
  readonly row: Row;
  readonly ready: boolean;
  readonly versions: readonly number[];
}

/** The order `accepted` got its acceptance (10:02) before the pending review (10:01) became known. */
async function askMoments({ desk }: Stage, knownAt: string): Promise<void> {
  const pick = ({ row, ready, versions }: StateAnswer) => ({ row, ready, versions });
  const moments: readonly (readonly [string, string, string, StateAnswer])[] = [
    [
      'what had happened to the order by 10:01:30?',
      'at',
      at(1.5),
      { row: rowOf('CREATED', PENDING, 'PENDING', false), ready: false, versions: [1, 3] },
    ],
    [
      'what did we know of it before the last event arrived?',
      'asKnownAt',
      knownAt,
      { row: rowOf('CREATED', ACCEPTED, 'ACCEPTED', true), ready: true, versions: [1, 2] },
    ],
    [
      'what was it at version 1?',
      'version',
      '1',
      { row: rowOf('CREATED', null, null, false), ready: false, versions: [1] },
    ],
  ];
  for (const [what, name, value, expected] of moments) {
    const flag = { at: '--at', asKnownAt: '--as-known-at', version: '--version' }[name] ?? '';
    await desk.ask({
      what,
      command: ['explain', 'accepted', flag, value],
      path: `/orders/accepted/state?${name}=${encodeURIComponent(value)}`,
      pick: (answer: StateAnswer) => {
        const picked = pick(answer);
        return { ...picked, versions: [...picked.versions].sort((left, right) => left - right) };
      },
      expected,
    });
  }
  await desk.ask({
    what: 'what has changed in it since version 1?',
    command: ['explain', 'accepted', '--diff', '1..now'],
    path: '/orders/accepted/diff?from=1&to=now',
    pick: ({ columns, added, removed }: DiffAnswer) => ({
      columns: columns.map(({ column, from, to }) => [column, from, to]),
      added: added.map(({ version }) => version).sort(),
      removed,
    }),
    expected: {
      columns: [
        ['payment_status', null, ACCEPTED],
        ['review_status', null, 'ACCEPTED'],
        ['ready_to_send', false, true],
      ],
      added: [2, 3],
      removed: [],
    },
  });
}

interface DiffAnswer {
  readonly columns: readonly { column: string; from: unknown; to: unknown }[];
  readonly added: readonly { version: number }[];
  readonly removed: readonly unknown[];
}

async function askWhatIf({ desk, place }: Stage): Promise<void> {
  const { value } = payment(place.topics, 'review', ACCEPTED, 3);
  const event = (value as Buffer).toString('utf8');
  await desk.ask({
    what: 'what would the acceptance of its review do to the order?',
    command: ['what-if', 'review', '--event', event],
    path: '/orders/review:what-if',
    body: { event: JSON.parse(event) as object },
    pick: ({ outcome, version, after, due }: WhatIfAnswer) => ({ outcome, version, after, due }),
    expected: {
      outcome: 'changes',
      version: 3,
      after: { row: rowOf('CREATED', ACCEPTED, 'ACCEPTED', true), ready: true },
      due: [{ target: TARGET, version: 3 }],
    },
  });
  await desk.ask({
    what: 'has that question changed anything?',
    command: ['orders', '--status', 'PENDING'],
    path: '/orders?status=PENDING',
    pick: (rows: Rows) => rows.map(({ orderId, version }) => [orderId, version]),
    expected: [['review', 2]],
  });
}

interface WhatIfAnswer {
  readonly outcome: string;
  readonly version: number;
  readonly after: object;
  readonly due: readonly object[];
}

/** The command follows the log; the events of an order are asked for over HTTP. */
async function askTail({ desk }: Stage): Promise<void> {
  const tailed = (await desk.decide([
    ...['tail', '--order', 'twice', '--since', '1h', '--limit', '3'],
  ])) as readonly { readonly eventType: string; readonly outcome: string }[];
  desk.know(
    'which records of the order came in the last hour, and what became of them?',
    tailed.map(({ eventType, outcome }) => `${eventType} ${outcome}`).sort(),
    ['ORDER duplicate', 'ORDER journaled', 'PAYMENT journaled'],
  );
  const { answer } = await desk.request('/orders/twice/events');
  desk.know(
    'which events does the order have?',
    (answer as { data: { eventType: string; version: number }[] }).data.map(
      ({ eventType, version }) => `${eventType} ${version}`,
    ),
    ['ORDER 1', 'PAYMENT 2'],
  );
}

function rowOf(order: string | null, pay: string | null, review: string | null, isReady: boolean): Row {
  return { order_status: order, payment_status: pay, review_status: review, ready_to_send: isReady };
}

/** The moment of the story as sentences write it: to the second. */
function second(minute: number): string {
  return `${at(minute).slice(0, 19)}Z`;
}

/** The story does not know to the second when a delivery was answered. */
export function withoutTimes(sentence: string): string {
  return sentence.replace(/ at (\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\dZ/g, ' at TIME');
}
