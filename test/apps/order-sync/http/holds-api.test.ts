import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import { readPartitions } from '../../../../src/apps/order-sync/partition-rows.ts';
import { HoldWatch } from '../../../../src/pipeline/holds.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { ledgerOf } from '../ledger.ts';
import { UNUSED_PARTS } from './parts.ts';

async function server() {
  const ledger = await ledgerOf(['a']);
  const log = openEmbeddedLog({ dataDir: ledger.folder, clock: systemClock });
  await log.createTopics([
    { topic: 'order_events', partitions: 2 },
    { topic: 'payment_events', partitions: 1 },
  ]);
  const watch = new HoldWatch(ledger.store, ledger.clock, () => {});
  const app = buildServer({
    ...UNUSED_PARTS,
    store: ledger.store,
    log,
    topics: ['order_events', 'payment_events', 'refunds'],
    targets: ['order-mgt', 'crm'],
    clock: ledger.clock,
    onHolds: () => watch.look(),
    readiness: async () => ({ ok: true, notes: ['Paused: all ingest'] }),
    status: () => ({ ...UNUSED_PARTS.status(), holds: watch.list() }),
  });
  onTestFinished(async () => {
    await app.close();
    await log.close();
  });
  const inject = heldInject(app);
  const ask = async (url: string, payload?: object) => {
    const answer = await inject({
      method: payload === undefined ? 'GET' : 'POST',
      url,
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: answer.statusCode, body: JSON.parse(answer.body) };
  };
  return { ...ledger, log, watch, ask };
}

const reason = 'a test';

describe('the API of holds', () => {
  it('a request pauses a part and another releases it, and this instance knows both at once', async () => {
    const { ask, watch } = await server();
    for (const [part, name] of [
      [{ kind: 'ingest' }, 'all ingest'],
      [{ kind: 'topic', topic: 'order_events' }, 'topic order_events'],
      [{ kind: 'partition', topic: 'order_events', partition: 1 }, 'partition order_events/1'],
      [{ kind: 'target', target: 'crm' }, 'target crm'],
    ] as const) {
      const heldBy = 'HTTP API, from 127.0.0.1';
      const held = { part, name, heldBy, reason, heldAt: '2026-01-02T03:04:05.678Z' };
      expect(await ask('/api/v1/holds', { part, reason })).toEqual({ status: 201, body: held });
      expect(watch.list()).toHaveLength(1);
      expect((await ask('/api/v1/holds')).body).toEqual({
        data: [held],
        page: { next: null, hasMore: false },
      });
      expect((await ask('/api/v1/pipeline')).body.holds).toMatchObject([{ part, reason }]);
      expect(await ask('/api/v1/holds', { part, reason })).toMatchObject({
        status: 409,
        body: { code: 'held_already' },
      });
      expect(await ask('/api/v1/holds:release', { part, reason })).toMatchObject({
        status: 200,
        body: { data: [] },
      });
      expect(watch.list()).toEqual([]);
      expect(await ask('/api/v1/holds:release', { part, reason })).toMatchObject({
        status: 404,
        body: { code: 'hold_unknown' },
      });
    }
  });

  it('what another instance has paused or released meanwhile is known here once somebody asks for the same', async () => {
    const { ask, watch, store } = await server();
    const part = { kind: 'ingest' } as const;
    const decision = { decidedBy: 'ana', reason: 'elsewhere', decidedAtMs: 1 };
    await store.hold(part, decision);
    expect(watch.list()).toEqual([]);
    expect((await ask('/api/v1/holds', { part, reason })).status).toBe(409);
    expect(watch.list()).toMatchObject([{ part }]);
    await store.release(part, decision);
    expect((await ask('/api/v1/holds:release', { part, reason })).status).toBe(404);
    expect(watch.list()).toEqual([]);
  });

  it('the API refuses parts that do not exist, and names those that do', async () => {
    const { ask, store } = await server();
    for (const [part, code, detail] of [
      [
        { kind: 'topic', topic: 'orders' },
        'part_invalid',
        /the topics are order_events, payment_events, refunds/,
      ],
      [
        { kind: 'partition', topic: 'order_events', partition: 2 },
        'part_invalid',
        /its partitions are 0 to 1/,
      ],
      [{ kind: 'partition', topic: 'refunds', partition: 0 }, 'part_invalid', /no topic refunds in the log/],
      [{ kind: 'target', target: 'x' }, 'part_invalid', /the targets are order-mgt, crm/],
      [{ kind: 'partition', topic: 'order_events' }, 'part_invalid', /needs partition/],
      [{ kind: 'ingest', target: 'crm' }, 'part_invalid', /has no target/],
      [{ kind: 'lane' }, 'body_invalid', /see errors/],
      [{ kind: 'topic', topic: 7 }, 'body_invalid', /see errors/],
    ] as const)
      expect(await ask('/api/v1/holds', { part, reason }), JSON.stringify(part)).toMatchObject({
        status: 400,
        body: { code, detail: expect.stringMatching(detail) },
      });
    expect(await store.listHolds()).toEqual([]);
  });

  it('the API wants a reason for a hold, and for its release', async () => {
    const { ask } = await server();
    const part = { kind: 'ingest' };
    for (const url of ['/api/v1/holds', '/api/v1/holds:release'])
      for (const body of [{ part }, { part, reason: ' ' }])
        expect(await ask(url, body)).toMatchObject({ status: 400, body: { code: 'body_invalid' } });
  });

  it('order-sync answers /readyz with 200 and a note while a part is paused', async () => {
    const { ask } = await server();
    expect(await ask('/readyz')).toEqual({
      status: 200,
      body: { status: 'ok', notes: ['Paused: all ingest'] },
    });
  });
});

describe('the API of partitions', () => {
  it('the list shows checkpoints, offsets of the log, halts and holds', async () => {
    const { ask, store } = await server();
    const at = { topic: 'order_events', partition: 1 };
    const [checkpoint] = await store.acquire([{ ...at, topicId: 'an older id', startOffset: 7n }]);
    await store.halt(at, checkpoint?.epoch ?? 0n, 'topic_recreated at offset 7: another topic.');
    await ask('/api/v1/holds', { part: { kind: 'topic', topic: 'payment_events' }, reason });
    const { body } = await ask('/api/v1/partitions');
    expect(body.missingTopics).toEqual(['refunds']);
    expect(body.data).toMatchObject([
      {
        topic: 'order_events',
        partition: 0,
        nextOffset: null,
        logStartOffset: '0',
        logEndOffset: '0',
        waitingForTransaction: 0,
        transactionalId: null,
        hold: null,
      },
      {
        topic: 'order_events',
        partition: 1,
        nextOffset: '7',
        haltReason: expect.stringContaining('another topic'),
      },
      {
        topic: 'payment_events',
        partition: 0,
        haltReason: null,
        hold: { name: 'topic payment_events', reason },
      },
    ]);
  });

  it('the list counts the records that wait behind an open transaction, and names it', async () => {
    const { store, log } = await server();
    const openTransaction = {
      first: { timestampMs: 1, timestampType: 'log_append' },
      producerId: 7n,
      transactionalId: 'billing-1',
    } as const;
    const { rows } = await readPartitions(['order_events'], {
      store,
      log: {
        describe: (topics) => log.describe(topics),
        peek: async (from) =>
          (await log.peek(from)).map((peek) =>
            peek.kind === 'peeked' && peek.partition === 1
              ? { ...peek, highWatermark: peek.endOffset + 7n, openTransaction }
              : peek,
          ),
      },
    });
    expect(rows).toMatchObject([
      { partition: 0, waitingForTransaction: 0, transactionalId: null },
      { partition: 1, waitingForTransaction: 7, transactionalId: 'billing-1' },
    ]);
  });

  it('a request lets one halted partition go on, or all of them, after a look at what would happen', async () => {
    const { ask, store, log } = await server();
    const topicId = (await log.describe(['order_events']))[0]?.topicId ?? '';
    const halt = async () => {
      for (const partition of [0, 1]) {
        const at = { topic: 'order_events', partition };
        const [checkpoint] = await store.acquire([{ ...at, topicId: 'an older id', startOffset: 7n }]);
        await store.halt(at, checkpoint?.epoch ?? 0n, 'topic_recreated at offset 7: another topic.');
      }
    };
    const halted = async () =>
      (await store.checkpoints()).flatMap(({ partition, haltReason }) =>
        haltReason === null ? [] : [partition],
      );
    await halt();
    const url = '/api/v1/partitions:resume';
    const dry = await ask(url, { all: true, dryRun: true, reason });
    expect(dry.body.data).toMatchObject([
      { partition: 0, kind: 'topic_recreated', fromOffset: '7', toOffset: '0', resumed: false },
      { partition: 1, toOffset: '0', resumed: false },
    ]);
    expect(await halted()).toEqual([0, 1]);
    expect(await ask(url, { partition: 'order_events/1', at: 'earliest', reason })).toMatchObject({
      status: 200,
      body: { data: [{ partition: 1, fromOffset: '7', toOffset: '0', resumed: true }] },
    });
    expect(await halted()).toEqual([0]);
    expect((await ask(url, { all: true, reason })).body.data).toMatchObject([
      { partition: 0, resumed: true },
    ]);
    expect(await store.checkpoints()).toMatchObject([
      { topicId, nextOffset: 0n, haltReason: null },
      { topicId, nextOffset: 0n, haltReason: null },
    ]);
    const [entry] = await store.listAudit({ after: null, limit: 1 });
    expect(entry).toMatchObject({ action: 'partition_resumed', decidedBy: 'HTTP API, from 127.0.0.1' });
  });

  it('the API refuses to resume what it cannot, or by words that contradict each other', async () => {
    const { ask } = await server();
    for (const [body, code] of [
      [{ reason }, 'resume_invalid'],
      [{ partition: 'order_events/0', all: true, reason }, 'resume_invalid'],
      [{ all: true, at: 7, reason }, 'resume_invalid'],
      [{ all: true, skip: true, reason }, 'resume_invalid'],
      [{ partition: 'order_events/0', dryRun: true, reason }, 'resume_invalid'],
      [{ partition: 'order_events/9', at: 'earliest', reason }, 'resume_invalid'],
      [{ partition: 'order_events/0', reason }, 'resume_invalid'],
      [{ partition: 'order_events/0', at: 5, reason }, 'resume_invalid'],
      // It has no checkpoint yet.
      [{ partition: 'order_events/0', at: 0, reason }, 'resume_invalid'],
      [{ all: true }, 'body_invalid'],
    ] as const)
      expect(await ask('/api/v1/partitions:resume', body), JSON.stringify(body)).toMatchObject({
        status: 400,
        body: { code },
      });
  });
});
