import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { commandsOf } from '../../../../src/apps/order-sync/commands/index.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import {
  ACCEPTED,
  AUTHORIZED,
  created,
  lateReview,
  OrderStore,
  PENDING,
  paid,
} from '../../../helpers/order-store.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';

/** The commands run on the day after the orders were journaled. */
const clock = { ...systemClock, now: () => Date.UTC(2026, 0, 2) };

async function orderSync(folder: string, ...argv: string[]) {
  const host = fakeHost(argv, { TRIBUTARY_DATA_DIR: folder });
  const code = await runCli(
    {
      program: 'order-sync',
      summary: 'Syncs.',
      examples: [['order-sync', 'Sync']],
      commands: commandsOf(clock),
    },
    host,
  );
  return { code, out: host.stdout.text, error: host.stderr.text };
}

describe('order-sync explain', () => {
  it('prints the sentences first, then columns, events in both sequences, and deliveries with attempts', async () => {
    const { folder, settle } = await withSettle(await lateReview());
    await settle();
    const { code, out } = await orderSync(folder, 'explain', 'a');
    expect(code).toBe(0);
    const [head, sentences, columns, events, canonical, deliveries] = out.split('\n\n');
    expect(head).toBe('"a"  version 4');
    expect(sentences).toMatch(/^Ready since 2026-01-01T10:03:00Z\.\nVersion 3 was delivered to order-mgt/);
    expect(columns?.split('\n')[2]).toBe(
      `payment_status = ${ACCEPTED}  decided by event 3 (PAYMENT of 2026-01-01T10:03:00.000Z)`,
    );
    expect(events?.split('\n')).toHaveLength(5);
    expect(events).toMatch(
      /\n4 {2}PAYMENT {2}"[0-9a-f]{64}" .* place 3 {2}LATE {2}changed payment_status, review_status, ready_to_send$/,
    );
    expect(canonical).toBe('IN CANONICAL SEQUENCE\n1 ORDER -> 2 PAYMENT -> 4 PAYMENT -> 3 PAYMENT');
    expect(deliveries).toMatch(
      /^DELIVERIES\norder-mgt {2}delivered .*\n {2}2026.* attempt 1 {2}delivered {2}status 200/,
    );
  });

  it('prints the same as JSON', async () => {
    const { folder } = await lateReview();
    const { out } = await orderSync(folder, 'explain', 'a', '--json');
    expect(JSON.parse(out)).toMatchObject({ orderId: 'a', version: 4, canonicalSequence: [1, 2, 4, 3] });
  });

  it('names a halted partition with the records that wait there, and the command that goes on', async () => {
    const { folder, store } = await lateReview();
    const log = openEmbeddedLog({ dataDir: folder, clock: systemClock, logger: () => {} });
    onTestFinished(() => log.close());
    await log.createTopics([{ topic: 'order_events', partitions: 1 }]);
    const producer = log.producer();
    const record = { topic: 'order_events', key: Buffer.from('c'), value: Buffer.from('{}'), headers: [] };
    await producer.append([record, record, record]);
    await producer.close();
    const [{ topicId = '' } = {}] = await log.describe(['order_events']);
    const place = { topic: 'order_events', partition: 0, topicId, startOffset: 1n };
    const [checkpoint] = await store.acquire([place]);
    await store.halt(
      place,
      checkpoint?.epoch ?? 0n,
      'corrupt_batch: offset 1. Reading can go on at offset 2.',
    );
    const { out } = await orderSync(folder, 'explain', 'nosuch');
    expect(out.split('\n').slice(2, 5)).toEqual([
      'Unknown: the journal has no event of this order.',
      'No refused record has its id as the key.',
      'order_events/0 is halted at offset 1 (corrupt_batch): events of this order may be among the 2 records that wait there. ' +
        'Run order-sync resume order_events/0 --at 2 --reason "..." to let it go on; order-sync partitions shows what it would leave out.',
    ]);
    const { halts } = JSON.parse((await orderSync(folder, 'explain', 'a', '--json')).out);
    expect(halts).toMatchObject([{ topic: 'order_events', nextOffset: '1', waitingRecords: 2 }]);
  });

  it('puts equal answers into one line, says which attempts do not count, and shows a redrive', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00'), paid('a', AUTHORIZED, '10:01')]);
    const refused = { verdict: 'park', status: 422, error: '422 Unprocessable', answer: 'who?' } as const;
    const attempt = async (next: 'dead' | { isCounted: boolean }) => {
      place.clock.nowMs += 1_000;
      const retryAtMs = place.clock.nowMs;
      await place.settle(next === 'dead' ? next : { retryAtMs, ...next }, refused);
    };
    await attempt({ isCounted: true });
    await attempt({ isCounted: false });
    await attempt({ isCounted: false });
    await attempt('dead');
    const redrive = [
      'redrive',
      '--order',
      'a',
      '--by',
      'ana',
      '--reason',
      'it is known now',
      '--wait',
      '--json',
    ];
    const { id } = JSON.parse((await orderSync(place.folder, ...redrive)).out);
    const heading = 'order-mgt  pending  due version 2  delivered version none  counted attempts 0';
    const again = `  2026-01-02T00:00:00.000Z  made due again, so attempts are counted from 1 again: redrive ${id} of "ana" ("it is known now")`;
    const run =
      '  2026-01-01T12:00:05.000Z  version 2  attempts 1 to 2  refused  status 422  4 times since 2026-01-01T12:00:02.000Z  ' +
      '2 of them not counted, because the target seemed to be the cause  "422 Unprocessable", saying "who?"';
    const { out } = await orderSync(place.folder, 'explain', 'a');
    expect(out.trimEnd().split('\n').slice(-3)).toEqual([heading, again, run]);
    const { deliveries } = JSON.parse((await orderSync(place.folder, 'explain', 'a', '--json')).out);
    expect(
      deliveries[0].attemptLog.map((each: { attempt: number; verdict: string; counted: boolean }) => [
        each.attempt,
        each.verdict,
        each.counted,
      ]),
    ).toEqual([
      [2, 'park', true],
      [2, 'park', false],
      [2, 'park', false],
      [1, 'park', true],
    ]);
  });

  it('prints the state at a version, at a moment, and as it was known at a moment', async () => {
    const { folder } = await lateReview();
    for (const [options, payment] of [
      [['--version', '2'], AUTHORIZED],
      [['--version=2'], AUTHORIZED],
      [['--at-version', '2'], AUTHORIZED],
      [['--at', '2026-01-01T10:02:30Z'], PENDING],
      [['--as-known-at', '2026-01-01T12:00:02Z'], ACCEPTED],
    ] as const) {
      const { code, out } = await orderSync(folder, 'explain', 'a', ...options);
      expect([code, out], options.join(' ')).toEqual([
        0,
        expect.stringContaining(`payment_status = ${payment}`),
      ]);
    }
    const { out } = await orderSync(folder, 'explain', 'a', '--version', '2', '--json');
    expect(JSON.parse(out).row.payment_status).toBe(AUTHORIZED);
    expect(JSON.parse(out).explanation).toBe('Ready since 2026-01-01T10:01:00Z.');
    const pending = await orderSync(folder, 'explain', 'a', '--at', '2026-01-01T10:02:30Z');
    expect(pending.out.split('\n')[1]).toMatch(
      /^Not ready: its review is pending since 2026-01-01T10:02:00Z; /,
    );
  });

  it('prints what differs between two sides', async () => {
    const { folder } = await lateReview();
    const { code, out } = await orderSync(folder, 'explain', 'a', '--diff', '2..2026-01-01T10:02:30Z');
    expect(code).toBe(0);
    expect(out).toContain(`payment_status: ${AUTHORIZED} -> ${PENDING}  decided by event 4`);
    expect(out).toMatch(/\n\+ event 4 {2}PAYMENT/);
  });

  it('ends with exit code 1 for an unknown order, which it explains', async () => {
    const { folder } = await lateReview();
    const { code, out } = await orderSync(folder, 'explain', 'b\n\u202e');
    expect(code).toBe(1);
    expect(out).toMatch(/^"b\\n\\u202e" {2}version 0\n\nUnknown: /);
  });

  it('refuses what it does not understand as usage, with exit code 2', async () => {
    const { folder } = await lateReview();
    for (const argv of [
      ['explain'],
      ['explain', ''],
      ['explain', 'b', '--version', '1'],
      ['explain', 'a', '--version', '9'],
      ['explain', 'a', '--at', 'today'],
      ['explain', 'a', '--at', '2026-01-01T10:00:00Z', '--version', '1'],
      ['explain', 'a', '--diff', '1'],
      ['explain', 'a', '--diff', '1..soon'],
      ['explain', 'a', '--diff', '1..2', '--version', '1'],
      ['what-if', 'a'],
      ['orders', '--where', 'colour=red'],
      ['orders', '--older-than', 'soon'],
      ['orders', '--limit', '0'],
    ]) {
      const { code, error } = await orderSync(folder, ...argv);
      expect([code, error], argv.join(' ')).toEqual([2, expect.stringMatching(/^error: /)]);
    }
  });

  it('makes no store where there is none', async () => {
    const { folder } = await lateReview();
    const { code, error } = await orderSync(`${folder}/none`, 'explain', 'a');
    expect(code).toBe(3);
    expect(error).toContain('has not been set up yet');
  });
});

describe('order-sync what-if', () => {
  const ask = (folder: string, event: unknown, ...more: string[]) =>
    orderSync(folder, 'what-if', 'a', '--event', JSON.stringify(event), ...more);

  it('prints the state that an event would lead to, and what would become due', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')]);
    const { code, out } = await ask(place.folder, paid('a', AUTHORIZED, '10:01'));
    expect(code).toBe(0);
    expect(out.split('\n').slice(1)).toEqual([
      'It would be journaled as version 2.',
      'before  order_status=CREATED payment_status=null review_status=null ready_to_send=false',
      `after   order_status=CREATED payment_status=${AUTHORIZED} review_status=null ready_to_send=true`,
      `payment_status: null -> ${AUTHORIZED}`,
      'ready_to_send: false -> true',
      'Version 2 would become due to order-mgt.',
      '',
    ]);
    expect(await place.store.counts()).toMatchObject({ journaledEvents: 1, deliveriesPending: 0 });
  });

  it('ends with exit code 1 and the reason for an event that would be refused', async () => {
    const { folder } = await lateReview();
    const { code, out } = await ask(folder, { eventType: 'REFUND' }, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ outcome: 'refused', reason: 'event_type_unknown' });
  });
});

describe('order-sync orders and order-sync stuck', () => {
  async function some(): Promise<OrderStore> {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00'), paid('a', PENDING, '10:01')]);
    await place.journal([created('b', '10:00')]);
    await place.journal([created('c', '10:00'), paid('c', AUTHORIZED, '10:01')]);
    return place;
  }

  it('print one line for each order, with what it waits for', async () => {
    const { folder } = await some();
    const { code, out } = await orderSync(folder, 'orders', '--status', 'PENDING');
    expect(code).toBe(0);
    expect(out).toBe(
      `"a"  version 2  order_status=CREATED payment_status=${PENDING} review_status=PENDING ready_to_send=false  waits for review\n`,
    );
    const both = await orderSync(
      folder,
      'orders',
      '--where',
      'review_status=null',
      'ready_to_send=true',
      '--json',
    );
    expect(JSON.parse(both.out).map(({ orderId }: { orderId: string }) => orderId)).toEqual(['c']);
    const second = await orderSync(folder, 'orders', '--after', 'a', '--limit', '1', '--json');
    expect(JSON.parse(second.out)).toMatchObject([{ orderId: 'b', waitsFor: 'payment' }]);
    const undelivered = await orderSync(folder, 'orders', '--not-delivered', '--json');
    expect(JSON.parse(undelivered.out)).toMatchObject([{ orderId: 'c' }]);
    const inFlight = await orderSync(folder, 'orders', '--in-flight', '--json');
    expect(JSON.parse(inFlight.out)).toMatchObject([{ orderId: 'c' }]);
    const contradiction = await orderSync(folder, 'orders', '--in-flight', '--delivered');
    expect(contradiction.code).toBe(2);
    expect(contradiction.error).toContain('--delivered cannot be given together with');
    const none = await orderSync(folder, 'orders', '--delivered');
    expect([none.out, none.error]).toEqual(['', 'No order matches.\n']);
    expect((await orderSync(folder, 'orders', '--dead')).out).toBe('');
  });

  it('count the stuck orders by the event that they wait for', async () => {
    const { folder } = await some();
    const { code, out, error } = await orderSync(folder, 'stuck', '--stuck-after', '1s');
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.slice(0, 3))).toEqual(['"a"', '"b"', '']);
    expect(error).toContain('Waiting: 1 for review, 1 for payment.');
    const later = await orderSync(folder, 'stuck', '--stuck-after', '8760h');
    expect([later.out, later.error]).toEqual([
      '',
      'No order is stuck. 2 orders wait for an event, none for longer than 365 d 0 h: see younger ones by order-sync stuck --stuck-after 1m.\n',
    ]);
    const none = await orderSync(folder, 'orders', '--stuck', '--status', 'NONE');
    expect(none.error).toBe('No order matches. None waits for an event.\n');
  });
});

/** The method of a store, for a test that takes the store apart. */
async function withSettle(place: OrderStore) {
  return { folder: place.folder, settle: () => place.settle('delivered') };
}
