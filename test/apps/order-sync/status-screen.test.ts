import { describe, expect, it } from 'vitest';
import type { InstanceAnswer } from '../../../src/apps/order-sync/running-instance.ts';
import { duration, screenOf, summaryLine } from '../../../src/apps/order-sync/status-screen.ts';
import { reportOf } from '../../../src/pipeline/status/report.ts';
import {
  checkpoint,
  lagWith,
  NOW_MS,
  outbox,
  PLACE,
  peeked,
  QUIET,
  shared,
} from '../../pipeline/status/fake-parts.ts';

const SILENT: InstanceAnswer = {
  kind: 'silent',
  url: 'http://127.0.0.1:3000',
  reason: 'No order-sync answers: nothing listens there.',
};

describe('the screen of the status', () => {
  it('shows lag, clock, transaction, outbox and what needs a person, with the command', async () => {
    const { reading } = await lagWith([
      peeked({
        first: { kind: 'record', offset: 60n, timestampMs: NOW_MS - 125_000, timestampType: 'log_append' },
        highWatermark: 107n,
        openTransaction: {
          first: { timestampMs: NOW_MS - 3_000, timestampType: 'log_append' },
          producerId: 7n,
          transactionalId: 'billing-1',
        },
      }),
    ]);
    const status = shared({
      lag: reading,
      checkpoints: [checkpoint({ haltReason: 'log_diverged at offset 40: other records.' })],
      outboxes: [
        outbox({
          retries: { count: 3, isMore: false },
          oldestAgeMs: 61_000,
          lastFailure: { status: 503, error: 'http://x answered 503.' },
        }),
      ],
      quarantined: [{ topic: 'order_events', reason: 'json_invalid', records: 4, isMore: false }],
    });
    const report = reportOf(status, null);
    const screen = screenOf(report, SILENT);
    for (const part of [
      'NEEDS A PERSON (2 things)',
      'Behind     2 min 5 s behind, 40 records',
      'Running    http://127.0.0.1:3000: No order-sync answers: nothing listens there.',
      "age by the log's clock; 7 records wait behind the transaction billing-1, open for 3.0 s",
      'order-mgt  3    1 min 1 s  3        0     ?        http://x answered 503.',
      '4 of order_events for json_invalid',
      'order-sync resume order_events/0 --at earliest',
      'order-sync quarantine --reason json_invalid',
    ])
      expect(screen).toContain(part);
    expect(summaryLine(report)).toMatch(
      /NEEDS A PERSON \(2 things\) {2}2 min 5 s behind, 40 records {2}order-mgt 3 due {2}halted {2}quarantine$/,
    );
  });

  it('shows the differences that the comparison with the journal leaves to a person', () => {
    const differences = { ledger_wrong: 2, row_extra: 1, row_altered: 4 };
    const verification = {
      ...QUIET.verification,
      compared: 9,
      lastPass: { endedAtMs: NOW_MS, compared: 9, differences },
    };
    const instance = { ...QUIET, verification };
    const answer = { kind: 'answered', url: 'http://127.0.0.1:3000', instance } as const;
    const screen = screenOf(reportOf(shared(), instance), answer);
    expect(screen).toContain('0 not foldable; left to you: 1 row_extra, 2 ledger_wrong\n');
    expect(screen).toContain('      order-sync verify --all');
    expect(screenOf(reportOf(shared(), QUIET), answer)).not.toContain('left to you');
  });

  it('shows of many partitions only those that are behind or in trouble', async () => {
    const partitions = await Promise.all(
      Array.from({ length: 40 }, async (_, partition) => {
        const first =
          partition === 17
            ? ({ kind: 'record', offset: 99n, timestampMs: NOW_MS - 1_000, timestampType: 'create' } as const)
            : ({ kind: 'none' } as const);
        const { reading } = await lagWith([peeked({ ...PLACE, partition, first })], []);
        return reading.partitions[0] as (typeof reading.partitions)[number];
      }),
    );
    const screen = screenOf(reportOf(shared({ lag: { partitions, missingTopics: [] } }), null), SILENT);
    expect(screen).toContain('order_events/17');
    expect(screen).not.toContain('order_events/16');
    expect(screen).toContain('and 39 more partitions, 0 of them behind or in trouble');
    expect(screen.split('\n').length).toBeLessThan(24);
  });

  it('shows of many partitions those that are paused or halted, although nothing lags', async () => {
    const partitions = await Promise.all(
      Array.from({ length: 40 }, async (_, partition) => {
        const place = { ...PLACE, partition };
        const haltReason = partition === 5 ? 'log_diverged at offset 40: other records.' : null;
        const at = checkpoint({ ...place, nextOffset: 100n, haltReason });
        const { reading } = await lagWith([peeked(place)], [at]);
        return reading.partitions[0] as (typeof reading.partitions)[number];
      }),
    );
    const part = { kind: 'partition', topic: PLACE.topic, partition: 23 } as const;
    const holds = [{ part, heldBy: 'ops', reason: 'a bad producer', heldAtMs: NOW_MS - 60_000 }];
    const status = shared({ lag: { partitions, missingTopics: [] }, holds });
    const screen = screenOf(reportOf(status, null), SILENT);
    expect(screen).toMatch(/^order_events\/23 .*ops.*a bad producer/m);
    expect(screen).toMatch(/^order_events\/5 .*HALTED/m);
    expect(screen).toContain('and 38 more partitions, 0 of them behind or in trouble');
  });

  it.each([
    [0.04, '0.0 s'],
    [9.94, '9.9 s'],
    [59.4, '59 s'],
    [3_599, '59 min 59 s'],
    [3_600, '1 h 0 min'],
    [200_000, '2 d 7 h'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
