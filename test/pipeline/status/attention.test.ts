import { describe, expect, it } from 'vitest';
import { entityWords } from '../../../src/core/entity-words.ts';
import { goesOnAt } from '../../../src/core/halts.ts';
import { orders } from '../../../src/orders/index.ts';
import { attentionTo } from '../../../src/pipeline/status/attention.ts';
import type { InstanceStatus, InstanceTarget } from '../../../src/pipeline/status/instance.ts';
import type { SharedStatus } from '../../../src/pipeline/status/status.ts';
import type { DifferenceCounts } from '../../../src/pipeline/verify/verifier.ts';
import type { Hold } from '../../../src/ports/holds.ts';
import {
  checkpoint,
  lagWith,
  NOTHING,
  NOW_MS,
  outbox,
  peeked,
  QUIET,
  refusing,
  shared,
} from './fake-parts.ts';

const only = (status: SharedStatus, instance: InstanceStatus | null = null) => {
  const items = attentionTo(status, instance, entityWords(orders));
  expect(items.length).toBeLessThan(2);
  return items[0] ?? null;
};

describe('the command for a halted partition', () => {
  it.each(['corrupt_batch', 'batch_too_large'])(
    'goes on behind the record batch of %s, and says which records that leaves out',
    (kind) => {
      const haltReason = `${kind} at offset 40: bad bytes. ${goesOnAt(45n)}`;
      expect(only(shared({ checkpoints: [checkpoint({ haltReason })] }))).toMatchObject({
        kind: 'halted',
        text: expect.stringContaining('Going on at offset 45 leaves out the records at 40 to 44.'),
        command: 'order-sync resume order_events/0 --at 45 --reason "..."',
      });
    },
  );

  it('goes on at the first lost offset of a log that diverged, which leaves nothing out', () => {
    const haltReason = `log_diverged at offset 40: other records. ${goesOnAt(38n)}`;
    const item = only(shared({ checkpoints: [checkpoint({ haltReason })] }));
    expect(item?.command).toBe('order-sync resume order_events/0 --at 38 --reason "..."');
    expect(item?.text).not.toContain('leaves out');
  });

  it('goes on at the start of the log where the halt names no offset', () => {
    for (const haltReason of [
      'topic_recreated at offset 40: another topic.',
      'corrupt_batch at offset 40: bad.',
    ])
      expect(only(shared({ checkpoints: [checkpoint({ haltReason })] }))?.command).toBe(
        'order-sync resume order_events/0 --at earliest --reason "..."',
      );
  });
});

describe('the attention to differences from the journal', () => {
  const verified = (
    differences: DifferenceCounts,
    lastPass: InstanceStatus['verification']['lastPass'],
  ): InstanceStatus => ({ ...QUIET, verification: { ...QUIET.verification, differences, lastPass } });
  const ended = (differences: DifferenceCounts) =>
    verified(differences, { endedAtMs: NOW_MS, compared: 9, differences });

  it.each(['row_extra', 'ledger_missing', 'ledger_wrong', 'ledger_unfounded', 'unfoldable'] as const)(
    'asks for a person who looks at %s',
    (kind) => {
      expect(only(shared(), ended({ [kind]: 3 }))).toMatchObject({
        kind: 'journal_differs',
        text: expect.stringContaining(`found 3 ${kind}.`),
        command: 'order-sync verify --all',
      });
    },
  );

  it('asks for nobody about rows, which are made from the journal again', () => {
    const counts = { row_missing: 1, row_altered: 1, version_behind: 1, version_ahead: 1 };
    expect(only(shared(), ended(counts))).toBeNull();
  });

  it('counts the last pass, and before its end the first one', () => {
    const differences = { ledger_wrong: 4 };
    expect(only(shared(), verified(differences, null))?.text).toContain('4 ledger_wrong');
    const clean = { endedAtMs: NOW_MS, compared: 9, differences: {} };
    expect(only(shared(), verified(differences, clean))).toBeNull();
  });
});

describe('the attention to rows that wait for a rebuild', () => {
  const view = {
    table: 'orders',
    mode: 'awaiting',
    foldVersion: { ofProgram: 2, ofRows: 1 },
    phase: 'steady',
    rebuild: null,
  } as const;

  it('asks for a rebuild when the running instance says that rows wait', () => {
    expect(only(shared(), { ...QUIET, view })).toMatchObject({
      kind: 'rebuild_awaited',
      text: expect.stringContaining('nothing new is delivered until the rows are made anew.'),
      command: 'order-sync rebuild --reason "..."',
    });
    expect(only(shared(), { ...QUIET, view: { ...view, mode: 'current' } })).toBeNull();
  });

  it('asks for a rebuild when the store alone says that rows wait', () => {
    const waiting = shared({ view: { awaitedFold: 2, rebuild: null } });
    expect(only(waiting)?.kind).toBe('rebuild_awaited');
    expect(only(shared({ view: { awaitedFold: null, rebuild: null } }))).toBeNull();
  });

  it('shows the report of a rebuild that is under way', () => {
    const underWay = { ...view, rebuild: { id: 'one', isBuilt: false } };
    expect(only(shared(), { ...QUIET, view: underWay })).toMatchObject({
      text: expect.stringContaining('A rebuild is under way.'),
      command: 'order-sync rebuild --report',
    });
  });
});

describe('the attention to a target that refuses everything', () => {
  it('leaves out a target that is paused, and no other one', () => {
    const hold = (target: string): Hold => ({
      part: { kind: 'target', target },
      heldBy: 'ops',
      reason: 'its database is restored',
      heldAtMs: NOW_MS,
    });
    for (const breaker of ['open', 'disabled']) {
      const instance = { ...QUIET, targets: refusing(breaker, 3_600) };
      expect(only(shared({ holds: [hold('order-mgt')] }), instance)).toBeNull();
      expect(only(shared({ holds: [hold('crm')] }), instance)?.kind).toBe('target_refuses');
    }
  });
});

describe('the attention to a target while the store is silent', () => {
  it('tells of a target that refuses everything', () => {
    const silent = { ok: false, code: 'store_unreachable', reason: 'silent' } as const;
    const instance = { ...QUIET, targets: refusing('open', 60) };
    expect(only({ ...shared(), store: silent }, instance)?.kind).toBe('target_refuses');
  });
});

describe('the attention to an instance that is not ready', () => {
  const waiting = {
    ...QUIET,
    health: { ok: false, reason: 'Target order-mgt has accepted nothing for 40 s.' },
    targets: refusing('closed', null),
  };

  it('comes first, with a command, beside what does not stop the instance', () => {
    const quarantined = [{ topic: 'order_events', reason: 'json_invalid', records: 2, isMore: false }];
    expect(attentionTo(shared({ quarantined }), waiting)).toMatchObject([
      {
        kind: 'instance_not_ready',
        text: 'Target order-mgt has accepted nothing for 40 s.',
        command: 'order-sync orders --not-delivered',
      },
      { kind: 'quarantine' },
    ]);
  });

  it('gives no command where no target fails now', () => {
    const { 'order-mgt': target } = refusing('closed', null) as Record<string, InstanceTarget>;
    const failure = target?.lastFailure as NonNullable<InstanceTarget['lastFailure']>;
    const past = { ...target, lastFailure: { ...failure, isOver: true } } as InstanceTarget;
    const never = { ...target, lastFailure: null } as InstanceTarget;
    expect(only(shared(), { ...waiting, targets: { past, never } })).toMatchObject({
      kind: 'instance_not_ready',
      command: null,
    });
  });

  it('stays away where something else in the list stops the instance', () => {
    const halted = shared({ checkpoints: [checkpoint({ haltReason: 'corrupt_batch at offset 40: bad.' })] });
    expect(attentionTo(halted, waiting).map(({ kind }) => kind)).toEqual(['halted']);
  });
});

describe('the attention to pauses', () => {
  const MINUTE_MS = 60_000;
  const held = (part: Hold['part'], minutes: number): Hold => ({
    part,
    heldBy: 'ops',
    reason: 'a producer is checked',
    heldAtMs: NOW_MS - minutes * MINUTE_MS,
  });
  const behind = async () =>
    (
      await lagWith([
        peeked({
          first: { kind: 'record', offset: 40n, timestampMs: NOW_MS - 5_000, timestampType: 'create' },
        }),
      ])
    ).reading;

  it.each([
    [{ kind: 'ingest' }, 'order-sync unpause --reason "..."'],
    [{ kind: 'topic', topic: 'order_events' }, 'order-sync unpause --topic order_events --reason "..."'],
    [
      { kind: 'partition', topic: 'order_events', partition: 0 },
      'order-sync unpause --topic order_events --partition 0 --reason "..."',
    ],
  ] as const)(
    'names a pause of %o that is over an hour old, and the records behind it',
    async (part, command) => {
      const status = shared({ lag: await behind(), holds: [held(part, 61)] });
      expect(only(status)).toMatchObject({
        kind: 'paused',
        text: expect.stringMatching(
          / by ops: a producer is checked\. Behind it wait 60 records of order_events\/0\.$/,
        ),
        command,
      });
    },
  );

  it('names the states that wait behind a pause of their target', () => {
    const due = [outbox({ first: { count: 7, isMore: false } })];
    const pause = (target: string) =>
      shared({ outboxes: due, holds: [held({ kind: 'target', target }, 61)] });
    expect(only(pause('order-mgt'))?.text).toContain('Behind it wait 7 states.');
    expect(only(pause('crm'))).toBeNull();
    expect(
      only(
        shared({
          outboxes: [outbox({ first: NOTHING })],
          holds: [held({ kind: 'target', target: 'order-mgt' }, 61)],
        }),
      ),
    ).toBeNull();
  });

  it('lists all partitions that wait behind one pause', async () => {
    const { partitions } = await behind();
    const both = [...partitions, ...partitions.map((each) => ({ ...each, partition: 1 }))];
    const status = shared({
      lag: { partitions: both, missingTopics: [] },
      holds: [held({ kind: 'ingest' }, 61)],
    });
    expect(only(status)?.text).toContain(
      'Behind it wait 60 records of order_events/0, 60 records of order_events/1.',
    );
  });

  it('tells nothing of a pause of ingest while the log is silent', () => {
    const silent = { ok: false, code: 'log_unreachable', reason: 'silent' } as const;
    expect(only({ ...shared({ holds: [held({ kind: 'ingest' }, 61)] }), log: silent })).toBeNull();
  });

  it('leaves a pause alone that is young, or behind which nothing waits', async () => {
    const reading = await behind();
    expect(only(shared({ lag: reading, holds: [held({ kind: 'ingest' }, 59)] }))).toBeNull();
    expect(only(shared({ holds: [held({ kind: 'ingest' }, 61)] }))).toBeNull();
    const { reading: read } = await lagWith([peeked()]);
    expect(only(shared({ lag: read, holds: [held({ kind: 'ingest' }, 61)] }))).toBeNull();
    expect(
      only(shared({ lag: reading, holds: [held({ kind: 'topic', topic: 'payment_events' }, 61)] })),
    ).toBeNull();
  });
});
