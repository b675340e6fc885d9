import { describe, expect, it } from 'vitest';
import type { InstanceStatus } from '../../../src/pipeline/status/instance.ts';
import type { PartitionLag } from '../../../src/pipeline/status/lag.ts';
import { reportOf, totalOf } from '../../../src/pipeline/status/report.ts';
import type { SharedStatus } from '../../../src/pipeline/status/status.ts';
import type { Hold, HoldPart } from '../../../src/ports/holds.ts';
import {
  checkpoint,
  lagWith,
  NOTHING,
  NOW_MS,
  outbox,
  PLACE,
  peeked,
  QUIET,
  refusing,
  shared,
} from './fake-parts.ts';

const kinds = (status: SharedStatus, instance: InstanceStatus | null = null) =>
  reportOf(status, instance).attention.map(({ kind }) => kind);

describe('the report of the status', () => {
  it('the report is ok where nothing waits for a person, and plain JSON', () => {
    const report = reportOf(shared(), QUIET);
    expect(report).toMatchObject({ verdict: 'ok', attention: [], lag: { seconds: 0, messages: 0 } });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('adds up the lag of the partitions and takes the largest age, and says where one is unknown', async () => {
    const first = {
      kind: 'record',
      offset: 90n,
      timestampMs: NOW_MS - 7_000,
      timestampType: 'create',
    } as const;
    const { reading } = await lagWith([peeked({ first })]);
    expect(reportOf(shared({ lag: reading }), QUIET)).toMatchObject({
      lag: { seconds: 7, messages: 10 },
      partitions: [{ name: 'order_events/0', lagClock: 'create', isOwnedHere: true, nextOffset: '40' }],
    });
    const { reading: unread } = await lagWith([{ kind: 'unreadable', ...PLACE, problem: 'has no leader' }]);
    expect(reportOf(shared({ lag: unread }), null)).toMatchObject({
      verdict: 'needs_attention',
      lag: { seconds: null, messages: null },
      partitions: [{ isOwnedHere: null, lagUnknown: 'order_events/0 has no leader.' }],
    });
  });

  it('names each thing that needs a person, with the command to begin with', async () => {
    const halted = checkpoint({ haltReason: 'offset_out_of_range at offset 40: gone.' });
    const status = shared({
      checkpoints: [halted],
      parked: { count: 2, isMore: false },
      quarantined: [{ topic: 'payment_events', reason: 'json_invalid', records: 9, isMore: false }],
      outboxes: [outbox({ dead: { count: 100_000, isMore: true } })],
      lag: { partitions: [], missingTopics: ['payment_events'] },
    });
    const { attention, verdict } = reportOf(status, null);
    expect(verdict).toBe('needs_attention');
    expect(attention.map(({ kind, command }) => [kind, command])).toEqual([
      ['halted', 'order-sync resume order_events/0 --at earliest --reason "..."'],
      ['topic_missing', null],
      ['parked', 'order-sync parked'],
      ['dead_letters', 'order-sync dead-letters --target order-mgt'],
      ['quarantine', 'order-sync quarantine --reason json_invalid'],
    ]);
    const texts = attention.map(({ text }) => text).join(' ');
    for (const part of [
      'order_events/0 is halted: offset_out_of_range',
      '100000+ deliveries to order-mgt',
      '9 records, 9 of them from payment_events for json_invalid',
    ])
      expect(texts).toContain(part);
  });

  it('takes a transaction for one that hangs only after 15 minutes', async () => {
    const waiting = async (seconds: number) => {
      const first = { timestampMs: NOW_MS - seconds * 1_000, timestampType: 'create' as const };
      const openTransaction = { first, producerId: 7n, transactionalId: null };
      const { reading } = await lagWith([peeked({ endOffset: 40n, highWatermark: 50n, openTransaction })]);
      return kinds(shared({ lag: reading }));
    };
    expect(await waiting(14 * 60)).toEqual([]);
    expect(await waiting(15 * 60)).toEqual(['open_transaction']);
  });

  it('takes a target for one that refuses everything when its breaker has been open for 30 s, or is disabled', () => {
    const by = (breaker: string, seconds: number | null) =>
      kinds(shared(), { ...QUIET, targets: refusing(breaker, seconds) });
    expect(by('closed', null)).toEqual([]);
    expect(by('open', 20)).toEqual([]);
    expect(by('open', 30)).toEqual(['target_refuses']);
    expect(by('half_open', 300)).toEqual(['target_refuses']);
    expect(by('ramping', 300)).toEqual([]);
    expect(by('disabled', 1)).toEqual(['target_refuses']);
    const [item] = reportOf(shared(), { ...QUIET, targets: refusing('open', 60) }).attention;
    expect(item?.text).toContain('401 Unauthorized');
  });

  it('tells of defects, and of an instance that is not ready for a reason that nothing else explains', () => {
    const latest = [{ place: 'a lane', what: 'TypeError', times: 3, lastAt: '', standsStill: true }];
    expect(kinds(shared(), { ...QUIET, defects: { count: 3, latest } })).toEqual(['defects']);
    const notReady = { ...QUIET, health: { ok: false, reason: 'The group has another store.' } };
    expect(kinds(shared(), notReady)).toEqual(['instance_not_ready']);
    const missing = shared({ lag: { partitions: [], missingTopics: ['order_events'] } });
    expect(kinds(missing, notReady)).toEqual(['topic_missing']);
  });

  it('the verdict is unreachable where log or store do not answer, and shows what the other one tells', () => {
    const silent = { ok: false, code: 'log_unreachable', reason: 'Kafka does not answer.' } as const;
    const withoutLog = reportOf({ ...shared({ parked: { count: 1, isMore: false } }), log: silent }, null);
    expect(withoutLog).toMatchObject({
      verdict: 'unreachable',
      log: { state: 'unreachable', reason: 'Kafka does not answer.' },
      store: { state: 'ok' },
      parked: { count: 1 },
      attention: [{ kind: 'parked' }],
      lag: { seconds: null, messages: null },
    });
    expect(reportOf({ ...shared(), store: silent }, null)).toMatchObject({
      verdict: 'unreachable',
      outbox: [],
      parked: null,
    });
  });

  it('adds first attempts and retries to what is due', () => {
    const outboxes = [
      outbox({
        first: { count: 5, isMore: false },
        retries: { count: 100, isMore: true },
        oldestAgeMs: 90_500,
        dead: NOTHING,
      }),
    ];
    expect(reportOf(shared({ outboxes }), null).outbox).toMatchObject([
      { due: { count: 105, isMore: true }, oldestAgeSeconds: 90.5 },
    ]);
  });

  it('says which partitions and targets are paused, and takes that for no reason to worry', async () => {
    const hold = (part: HoldPart): Hold => ({ part, heldBy: 'ops', reason: 'a deploy', heldAtMs: NOW_MS });
    const holds = [
      hold({ kind: 'topic', topic: PLACE.topic }),
      hold({ kind: 'target', target: 'order-mgt' }),
    ];
    const { reading } = await lagWith([peeked()]);
    const report = reportOf(shared({ lag: reading, holds }), QUIET);
    expect(report).toMatchObject({
      verdict: 'ok',
      partitions: [
        { hold: expect.stringMatching(/^Paused: topic order_events, since .* by ops: a deploy$/) },
      ],
      outbox: [{ hold: expect.stringContaining('Paused: target order-mgt') }],
    });
  });
});

describe('the whole report of one partition', () => {
  it('every field is told where the log answers, and none where it does not', async () => {
    const first = {
      kind: 'record',
      offset: 60n,
      timestampMs: NOW_MS - 7_500,
      timestampType: 'log_append',
    } as const;
    const openTransaction = {
      first: { timestampMs: NOW_MS - 60_000, timestampType: 'create' as const },
      producerId: 9_007_199_254_740_993n,
      transactionalId: 'billing-1',
    };
    const { reading } = await lagWith([
      peeked({ startOffset: 5n, highWatermark: 130n, first, openTransaction }),
    ]);
    const known = {
      name: 'order_events/0',
      topic: 'order_events',
      partition: 0,
      nextOffset: '40',
      haltReason: null,
      hold: null,
      epoch: '3',
    };
    expect(reportOf(shared({ lag: reading }), { ...QUIET, owned: [] }).partitions).toEqual([
      {
        ...known,
        logStartOffset: '5',
        logEndOffset: '100',
        highWatermark: '130',
        lagMessages: 40,
        lagSeconds: 7.5,
        lagClock: 'log_append',
        lagUnknown: null,
        waitsForTransaction: {
          records: 30,
          sinceSeconds: 60,
          producerId: '9007199254740993',
          transactionalId: 'billing-1',
        },
        isOwnedHere: false,
      },
    ]);
    const { reading: unread } = await lagWith([{ kind: 'unreadable', ...PLACE, problem: 'has no leader' }]);
    expect(reportOf(shared({ lag: unread }), QUIET).partitions).toEqual([
      {
        ...known,
        logStartOffset: null,
        logEndOffset: null,
        highWatermark: null,
        lagMessages: null,
        lagSeconds: null,
        lagClock: null,
        lagUnknown: 'order_events/0 has no leader.',
        waitsForTransaction: null,
        isOwnedHere: true,
      },
    ]);
    const { reading: none } = await lagWith([peeked()], []);
    expect(reportOf(shared({ lag: none }), null).partitions).toMatchObject([
      { nextOffset: null, epoch: null, lagMessages: 0, lagSeconds: 0, waitsForTransaction: null },
    ]);
  });

  it('the sum of lags is unknown as soon as one of them is', async () => {
    const behind = (messages: number, seconds: number): PartitionLag['lag'] => ({
      kind: 'behind',
      messages,
      seconds,
      timestampType: 'create',
    });
    const unknown: PartitionLag['lag'] = { kind: 'unknown', messages: 5, reason: 'aborted' };
    const of = (...lags: PartitionLag['lag'][]) => totalOf(lags.map((lag) => ({ lag }) as PartitionLag));
    expect(of()).toEqual({ seconds: 0, messages: 0 });
    expect(of(behind(3, 9), { kind: 'none' }, behind(4, 2))).toEqual({ seconds: 9, messages: 7 });
    for (const lags of [[unknown, behind(3, 9)], [behind(3, 9), unknown], [unknown]])
      expect(of(...lags)).toEqual({ seconds: null, messages: null });
  });

  it('a target has no age without deliveries, and none below zero', () => {
    const ageOf = (oldestAgeMs: number | null) =>
      reportOf(shared({ outboxes: [outbox({ oldestAgeMs })] }), null).outbox[0]?.oldestAgeSeconds;
    expect([ageOf(null), ageOf(-5), ageOf(1_500)]).toEqual([null, 0, 1.5]);
    const due = { first: { count: 1, isMore: true }, retries: { count: 2, isMore: false } };
    expect(reportOf(shared({ outboxes: [outbox(due)] }), null).outbox[0]).toMatchObject({
      due: { count: 3, isMore: true },
      hold: null,
    });
    expect(reportOf(shared({ outboxes: [outbox()] }), null).outbox[0]?.due).toEqual(NOTHING);
  });

  it('a partition has no hold while the store is silent', async () => {
    const silent = { ok: false, code: 'store_unreachable', reason: 'silent' } as const;
    const { reading } = await lagWith([peeked()]);
    const { partitions } = reportOf({ ...shared({ lag: reading }), store: silent }, null);
    expect(partitions).toMatchObject([{ name: 'order_events/0', hold: null }]);
  });

  it('the parts are told with the code of their silence', () => {
    const silent = { ok: false, code: 'store_unreachable', reason: 'silent' } as const;
    const report = reportOf({ ...shared(), store: silent }, null);
    expect(report.at).toBe(new Date(NOW_MS).toISOString());
    expect([report.log, report.store, report.lag, report.quarantine]).toEqual([
      { state: 'ok' },
      { state: 'unreachable', code: 'store_unreachable', reason: 'silent' },
      { seconds: null, messages: null },
      [],
    ]);
  });
});
