import { describe, expect, it } from 'vitest';
import type { InstanceStatus } from '../../../src/pipeline/status/instance.ts';
import { reportOf } from '../../../src/pipeline/status/report.ts';
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
