/** A target that refuses one order, that is down for a while, and that is paused: what it lacks, and why. */
import { setTimeout as sleep } from 'node:timers/promises';
import { created, payment } from '../events.ts';
import { type Stage, TARGET } from '../stage.ts';
import { withoutTimes } from './orders.ts';
import { type Job, jobByApi } from './refusals.ts';
import { attentionKinds, outboxOf, type Status } from './status.ts';

const PATIENCE_ROUNDS = 300;
const ROUND_MS = 100;

export const REDRIVEN_BECAUSE = 'the customer is known now';
export const PAUSED_BECAUSE = 'its database is being restored';

interface Delivery {
  readonly entityId: string;
  readonly status: string;
  readonly dueVersion: number;
  readonly lastStatus: number | null;
}

interface Explanation {
  readonly explanation: string;
  readonly deliveries: readonly (Delivery & {
    readonly attemptLog: readonly { readonly status: number }[];
  })[];
}

export async function playTarget(stage: Stage): Promise<void> {
  await refusesOne(stage);
  await isDown(stage);
  await isPaused(stage);
}

async function ready({ place: { topics }, tell }: Stage, orderId: string): Promise<void> {
  await tell([created(topics, orderId), payment(topics, orderId, 'PAYMENT_AUTHORIZED', 1)]);
}

/** Waits until the API's explanation of the order says so. */
async function until(stage: Stage, orderId: string, isSo: (answer: Explanation) => boolean): Promise<void> {
  for (let round = 0; round < PATIENCE_ROUNDS; round++) {
    const { answer } = await stage.desk.request(`/orders/${orderId}/explain`);
    if (isSo(answer as Explanation)) return;
    await sleep(ROUND_MS, undefined, { signal: stage.check.signal });
  }
  throw new Error(`The order ${orderId} does not get where the story wants it`);
}

async function refusesOne(stage: Stage): Promise<void> {
  const { desk, gateway } = stage;
  gateway.refused.add('unwanted');
  await ready(stage, 'wanted');
  await ready(stage, 'unwanted');
  await until(stage, 'unwanted', ({ deliveries: [only] }) => only?.status === 'dead');
  await stage.delivered();
  await stage.freshStatus();
  await desk.ask({
    what: 'what did the target not take, and what did it answer?',
    command: ['dead-letters'],
    path: '/dead-letters',
    pick: (rows: readonly Delivery[]) =>
      rows.map(({ entityId, dueVersion, lastStatus }) => [entityId, dueVersion, lastStatus]),
    expected: [['unwanted', 2, 422]],
  });
  await desk.ask({
    what: 'where is the delivery of the order that it refuses?',
    command: ['explain', 'unwanted'],
    path: '/orders/unwanted/explain',
    pick: ({ explanation, deliveries: [only] }: Explanation) => [
      saysAll(
        explanation,
        'is dead and is not tried again',
        'was answered 422',
        'this customer is not known',
        `order-sync redrive --target ${TARGET} --order`,
      ),
      only?.status,
      only?.attemptLog.every(({ status }) => status === 422),
    ],
    expected: ['it says all', 'dead', true],
  });
  await desk.ask({
    what: 'which orders have a dead delivery?',
    command: ['orders', '--dead'],
    path: '/orders?dead=true',
    pick: (rows: readonly { orderId: string }[]) => rows.map(({ orderId }) => orderId),
    expected: ['unwanted'],
  });
  await desk.ask({
    what: 'is all well although one order is refused?',
    command: ['status'],
    exitCode: 5,
    path: '/status',
    pick: (status: Status) => [status.verdict, attentionKinds(status), outboxOf(status)],
    expected: ['needs_attention', ['dead_letters'], { due: 0, dead: 1 }],
  });
  const dry = (await desk.decide(['redrive', '--all', '--dry-run', '--wait'])) as Job & { matched: number };
  desk.know('how many would a redrive send again? (command)', dry.matched, 1);
  const dryByApi = await jobByApi(stage, '/dead-letters:redrive', { filter: {}, dryRun: true });
  desk.know('how many would a redrive send again? (API)', dryByApi.progress.matched, 1);
  gateway.refused.clear();
  const done = await jobByApi(stage, '/dead-letters:redrive', {
    filter: { target: TARGET },
    requestedBy: 'ben',
    reason: REDRIVEN_BECAUSE,
  });
  desk.know('how many were sent again?', done.progress.redriven, 1);
  await stage.delivered();
  await desk.ask({
    what: 'is anything dead still?',
    command: ['dead-letters'],
    path: '/dead-letters',
    pick: (rows: readonly Delivery[]) => rows,
    expected: [],
  });
}

async function isDown(stage: Stage): Promise<void> {
  const { desk, gateway } = stage;
  gateway.isDown = true;
  await ready(stage, 'waiting');
  await until(stage, 'waiting', ({ deliveries: [only] }) => (only?.attemptLog.length ?? 0) > 0);
  await stage.freshStatus();
  await desk.ask({
    what: 'where is the order while the target is down?',
    command: ['explain', 'waiting'],
    path: '/orders/waiting/explain',
    pick: ({ explanation, deliveries: [only] }: Explanation) => [
      saysAll(
        explanation,
        `Nothing was ever delivered to ${TARGET}; version 2 is due since`,
        'was answered 503',
        'closed for maintenance',
      ),
      only?.status,
    ],
    expected: ['it says all', 'pending'],
  });
  await desk.ask({
    what: 'what does the target lack?',
    command: ['orders', '--not-delivered'],
    path: '/orders?notDelivered=true',
    pick: (rows: readonly { orderId: string }[]) => rows.map(({ orderId }) => orderId),
    expected: ['waiting'],
  });
  await desk.ask({
    what: 'how much waits for the target?',
    command: ['status'],
    path: '/status',
    pick: (status: Status) => [status.verdict, outboxOf(status)],
    expected: ['ok', { due: 1, dead: 0 }],
  });
  gateway.isDown = false;
  await stage.delivered();
}

interface HoldAnswer {
  readonly name: string;
  readonly heldBy: string;
  readonly reason: string;
}

async function isPaused(stage: Stage): Promise<void> {
  const { desk, place } = stage;
  const holds = async (what: string, expected: readonly string[][]) =>
    desk.ask({
      what,
      command: ['holds'],
      path: '/holds',
      pick: (rows: readonly HoldAnswer[]) => rows.map(({ name, reason }) => [name, reason]),
      expected,
    });
  await desk.decide(['pause', '--target', TARGET, '--reason', PAUSED_BECAUSE, '--by', 'ana']);
  // The running instance follows a command within two seconds.
  await stage.freshStatus();
  await stage.freshStatus();
  await desk.decideByApi('/holds', {
    part: { kind: 'topic', topic: place.topics.payment },
    reason: 'the producer sends test data',
  });
  await holds('what is paused, and why?', [
    [`target ${TARGET}`, PAUSED_BECAUSE],
    [`topic ${place.topics.payment}`, 'the producer sends test data'],
  ]);
  await desk.decide(['unpause', '--topic', place.topics.payment, '--reason', 'it has stopped']);
  await ready(stage, 'held');
  await stage.freshStatus();
  // The pause is a note, and the program stays ready.
  await stage.readyz(200, PAUSED_BECAUSE);
  await desk.ask({
    what: 'where is an order while its target is paused?',
    command: ['explain', 'held'],
    path: '/orders/held/explain',
    pick: ({ explanation }: Explanation) =>
      /Target order-mgt is on hold since TIME by "ana" \("its database is being restored"\): nothing is sent to it\. Run order-sync unpause --target order-mgt --reason "\.\.\." to let it go on\.$/.test(
        withoutTimes(explanation.replace(/since \d\d:\d\d:\d\dZ by/, 'since TIME by')),
      ),
    expected: true,
  });
  await desk.ask({
    what: 'what does the status say of the pause?',
    command: ['status'],
    path: '/status',
    pick: (status: Status) => [
      status.verdict,
      outboxOf(status),
      status.outbox[0]?.hold?.includes(PAUSED_BECAUSE) ?? false,
    ],
    expected: ['ok', { due: 1, dead: 0 }, true],
  });
  await desk.decideByApi('/holds:release', {
    part: { kind: 'target', target: TARGET },
    reason: 'its database is back',
  });
  await stage.delivered();
  await holds('is anything paused still?', []);
}

/** The sentence itself if it lacks one of the texts, so that a wrong answer shows it. */
function saysAll(sentence: string, ...texts: readonly string[]): string {
  return texts.every((text) => sentence.includes(text)) ? 'it says all' : sentence;
}
