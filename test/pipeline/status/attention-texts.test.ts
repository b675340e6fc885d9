import { describe, expect, it } from 'vitest';
import { entityWords } from '../../../src/core/entity-words.ts';
import { goesOnAt } from '../../../src/core/halts.ts';
import { orders } from '../../../src/orders/index.ts';
import { attentionTo, leftToAPerson, shown } from '../../../src/pipeline/status/attention.ts';
import type { InstanceStatus } from '../../../src/pipeline/status/instance.ts';
import type { StoredStatus } from '../../../src/pipeline/status/status.ts';
import type { Hold } from '../../../src/ports/holds.ts';
import type { OutboxOverview } from '../../../src/ports/store-overview.ts';
import { checkpoint, lagWith, NOW_MS, outbox, PLACE, peeked, QUIET, refusing, shared } from './fake-parts.ts';

const items = (
  status: Parameters<typeof shared>[0],
  instance: InstanceStatus | null = null,
): [string, string, string | null][] =>
  attentionTo(shared(status), instance, entityWords(orders)).map(({ kind, text, command }) => [
    kind,
    text,
    command,
  ]);

describe('the text of what needs a person', () => {
  it('a halted partition is named with its reason and the records that are left out', () => {
    const haltReason = `corrupt_batch at offset 40: bad bytes. ${goesOnAt(41n)}`;
    expect(items({ checkpoints: [checkpoint({ haltReason }), checkpoint({ partition: 1 })] })).toEqual([
      [
        'halted',
        `order_events/0 is halted: ${haltReason} Nothing of it is read until you decide where it goes on. Going on at offset 41 leaves out the records at 40 to 40.`,
        'order-sync resume order_events/0 --at 41 --reason "..."',
      ],
    ]);
    const same = `corrupt_batch at offset 40: bad bytes. ${goesOnAt(40n)}`;
    expect(items({ checkpoints: [checkpoint({ haltReason: same })] })[0]?.[1]).toMatch(/where it goes on\.$/);
  });

  it('a missing topic has no command', () => {
    expect(items({ lag: { partitions: [], missingTopics: ['order_events', 'payments'] } })).toEqual(
      ['order_events', 'payments'].map((topic) => [
        'topic_missing',
        `The log has no topic ${topic}: order-sync waits for it. Make it, or correct ORDER_TOPIC and PAYMENT_TOPIC.`,
        null,
      ]),
    );
  });

  it('a partition that cannot be read is named with its problem', async () => {
    const { reading } = await lagWith([{ kind: 'unreadable', ...PLACE, problem: 'has no leader' }]);
    expect(items({ lag: reading })).toEqual([
      ['partition_unreadable', 'order_events/0 has no leader.', null],
    ]);
    const { reading: aborted } = await lagWith([peeked({ first: { kind: 'unknown', upTo: 70n } })]);
    expect(items({ lag: aborted })).toEqual([]);
  });

  it.each([
    [899, 'billing-1', null],
    [900, 'billing-1', 'a transaction of billing-1 that has been open for 15 min'],
    [1_019, null, 'a transaction of the producer 7 that has been open for 16 min'],
  ])('a transaction that is open for %i s by %s is told: %s', async (seconds, transactionalId, told) => {
    const first = { timestampMs: NOW_MS - seconds * 1_000, timestampType: 'create' as const };
    const openTransaction = { first, producerId: 7n, transactionalId };
    const { reading } = await lagWith([peeked({ endOffset: 40n, highWatermark: 90n, openTransaction })]);
    const item = [
      'open_transaction',
      `50 records of order_events/0 wait behind ${told}: nobody gets them until it ends.`,
      'kafka-transactions.sh --bootstrap-server HOST:PORT find-hanging --topic order_events --partition 0',
    ];
    expect(items({ lag: reading })).toEqual(told === null ? [] : [item]);
  });

  it('a transaction of an unknown producer, or without a time, is told or not', async () => {
    const first = { timestampMs: NOW_MS - 3_600_000, timestampType: 'create' as const };
    const textOf = async (openTransaction: Parameters<typeof peeked>[0] & object) =>
      items({ lag: (await lagWith([peeked(openTransaction)])).reading })[0]?.[1] ?? null;
    const unnamed = { producerId: null, transactionalId: null };
    expect(await textOf({ openTransaction: { first, ...unnamed } })).toContain(
      'a transaction of a producer that',
    );
    expect(await textOf({ openTransaction: { first: null, ...unnamed } })).toBeNull();
    expect(await textOf({})).toBeNull();
  });

  it('rows that wait for a rebuild are told, by the store or by the instance', () => {
    const text =
      'Rows and deliveries wait for a rebuild: events are journaled, and nothing new is delivered until the rows are made anew.';
    expect(items({ view: { awaitedFold: 2, rebuild: null } })).toEqual([
      ['rebuild_awaited', text, 'order-sync rebuild --reason "..."'],
    ]);
    type Rebuild = NonNullable<StoredStatus['view']>['rebuild'];
    const rebuild = { rebuildId: 'one' } as unknown as Rebuild;
    expect(items({ view: { awaitedFold: 2, rebuild } })).toEqual([
      ['rebuild_awaited', `${text} A rebuild is under way.`, 'order-sync rebuild --report'],
    ]);
  });

  it('a target that refuses is told with the time and its last answer', () => {
    const told = (breaker: string, seconds: number | null) =>
      items({}, { ...QUIET, targets: refusing(breaker, seconds) });
    expect(told('open', 29.9)).toEqual([]);
    expect(told('closed', null)).toEqual([]);
    expect(told('ramping', 90)).toEqual([]);
    expect(told('half_open', 30.7)).toEqual([
      [
        'target_refuses',
        'order-mgt has taken nothing for 30 s. http://x answered 401 Unauthorized.',
        'order-sync check-target',
      ],
    ]);
    expect(told('disabled', null)[0]?.[1]).toBe(
      'order-mgt wants no more deliveries; nothing is sent to it until order-sync is started again. http://x answered 401 Unauthorized.',
    );
    const { 'order-mgt': target } = refusing('open', 40);
    const silent = { 'order-mgt': { ...(target as NonNullable<typeof target>), lastFailure: null } };
    expect(items({}, { ...QUIET, targets: silent })[0]?.[1]).toBe('order-mgt has taken nothing for 40 s.');
  });

  it('defects are told with their number, and first the one that stops something', () => {
    const defect = (place: string, standsStill: boolean) => ({
      place,
      what: 'TypeError: x is no y',
      standsStill,
      at: '2026-01-01T00:00:00.000Z',
    });
    const told = (count: number, ...latest: ReturnType<typeof defect>[]) =>
      items({}, { ...QUIET, defects: { count, latest } as unknown as InstanceStatus['defects'] });
    expect(told(0)).toEqual([]);
    const end = 'A log line of level error has the stack to report.';
    expect(told(1, defect('the sweep', false))).toEqual([
      [
        'defects',
        `order-sync met a defect of its own, the latest in the sweep: TypeError: x is no y. ${end}`,
        null,
      ],
    ]);
    expect(told(3, defect('the sweep', false), defect('lane 0', true))).toEqual([
      [
        'defects',
        `order-sync met 3 defects of its own, the latest in lane 0: TypeError: x is no y. It stops lane 0. ${end}`,
        null,
      ],
    ]);
  });

  it('differences from the journal are listed in one line', () => {
    const differences = { ledger_wrong: 2, row_extra: 1, row_missing: 5, unfoldable: 0 };
    expect(leftToAPerson({ differences })).toBe('1 row_extra, 2 ledger_wrong');
    expect(leftToAPerson({})).toBe('');
    const verification = { ...QUIET.verification, differences };
    expect(items({}, { ...QUIET, verification })).toEqual([
      [
        'journal_differs',
        'The comparison with the journal found 1 row_extra, 2 ledger_wrong. order-sync does not put these right by itself.',
        'order-sync verify --all',
      ],
    ]);
  });

  it('parked orders and dead deliveries are counted', () => {
    const dead = outbox({ target: 'crm', dead: { count: 3, isMore: false } });
    expect(items({ parked: { count: 1_000, isMore: true }, outboxes: [outbox(), dead] })).toEqual([
      [
        'parked',
        '1000+ orders are parked: their events are journaled, but their rows do not change.',
        'order-sync parked',
      ],
      [
        'dead_letters',
        '3 deliveries to crm are dead and are not tried again by themselves.',
        'order-sync dead-letters --target crm',
      ],
    ]);
    expect(shown({ count: 7, isMore: false })).toBe('7');
  });

  it('a sweep is told if it failed, or found what the view lacks', () => {
    const swept = (changes: object) =>
      items({
        outboxes: [
          outbox({
            lastSweep: {
              outcome: 'done',
              unexpected: 0,
              newer: 0,
              error: null,
              ...changes,
            } as unknown as NonNullable<OutboxOverview['lastSweep']>,
          }),
        ],
      });
    expect(swept({})).toEqual([]);
    const command = 'order-sync reconcile';
    expect(swept({ unexpected: 2, newer: 3 })).toEqual([
      ['target_differs', 'order-mgt holds 5 orders that the view lacks, or in later versions.', command],
    ]);
    expect(swept({ outcome: 'failed', error: 'It answered 500.' })).toEqual([
      ['target_differs', 'The last sweep of order-mgt failed: It answered 500.', command],
    ]);
    expect(swept({ outcome: 'failed' })).toEqual([
      ['target_differs', 'The last sweep of order-mgt failed: its answers make no sense.', command],
    ]);
  });

  it('the quarantine is told with its largest reason', () => {
    const quarantined = [
      { topic: 'order_events', reason: 'json_invalid', records: 5, isMore: false },
      { topic: 'payments', reason: 'key_missing', records: 2, isMore: true },
    ];
    expect(items({ quarantined })).toEqual([
      [
        'quarantine',
        'Quarantine holds 7+ records, 5 of them from order_events for json_invalid. docs/quarantine.md has a remedy for each reason.',
        'order-sync quarantine --reason json_invalid',
      ],
    ]);
    expect(items({ quarantined: quarantined.slice(0, 1) })[0]?.[1]).toContain('Quarantine holds 5 records,');
  });

  it('an unknown pause is told with a command for its target', () => {
    const hold = (minutes: number): Hold => ({
      part: { kind: 'target', target: 'order-mgt' },
      heldBy: 'ops',
      reason: 'its database is restored',
      heldAtMs: NOW_MS - minutes * 60_000,
    });
    const due = outbox({ first: { count: 7, isMore: false }, retries: { count: 1, isMore: true } });
    expect(items({ outboxes: [due], holds: [hold(60)] })).toEqual([
      [
        'paused',
        expect.stringMatching(/by ops: its database is restored\. Behind it wait 8\+ states\.$/),
        'order-sync unpause --target order-mgt --reason "..."',
      ],
    ]);
    expect(items({ outboxes: [due], holds: [hold(59)] })).toEqual([]);
  });

  it('an instance that is not ready is told first, unless log or store are silent', () => {
    const unready = { ...QUIET, health: { ok: false, reason: null } };
    expect(items({}, unready)).toEqual([['instance_not_ready', 'It is not ready.', null]]);
    expect(items({}, QUIET)).toEqual([]);
    const silent = { ok: false, code: 'store_unreachable', reason: 'silent' } as const;
    const status = shared();
    expect(attentionTo({ ...status, log: silent }, unready)).toEqual([]);
    expect(attentionTo({ ...status, store: silent }, unready)).toEqual([]);
    const missing = items({ lag: { partitions: [], missingTopics: ['t'] } }, unready);
    expect(missing.map(([kind]) => kind)).toEqual(['topic_missing']);
  });
});
