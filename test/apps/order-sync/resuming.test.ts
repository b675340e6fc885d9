import { describe, expect, it } from 'vitest';
import { carryOut, planResumeAll } from '../../../src/apps/order-sync/resuming.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { goesOnAt } from '../../../src/core/halts.ts';
import type { Checkpoint, ResumeDecision } from '../../../src/ports/checkpoints.ts';
import type { TopicDescription } from '../../../src/ports/event-log.ts';

const TOPIC = 'order_events';
const DECISION = { decidedBy: 'ops', reason: 'moved', decidedAtMs: 7 };
const ALL = { kind: null, fromStart: false };

/** A halted checkpoint at offset 50 of a log that has the offsets 10 to 100. */
function halted(partition: number, haltReason: string | null, facts: Partial<Checkpoint> = {}): Checkpoint {
  const place = { topic: TOPIC, partition, topicId: 'id-1', nextOffset: 50n, leaderEpoch: 3, epoch: 2n };
  return { ...place, haltReason, isNew: false, ...facts };
}

function parts(checkpoints: readonly Checkpoint[], facts: Partial<TopicDescription> = {}) {
  const decisions: ResumeDecision[] = [];
  const partitions = checkpoints.map(({ partition }) => ({
    topic: TOPIC,
    partition,
    startOffset: 10n,
    endOffset: 100n,
  }));
  const described = {
    topic: TOPIC,
    topicId: 'id-1',
    partitionCount: partitions.length,
    partitions,
    ...facts,
  };
  return {
    decisions,
    store: {
      checkpoints: async () => [...checkpoints],
      resume: async (decision: ResumeDecision) => void decisions.push(decision),
    },
    log: { describe: async () => [described] },
  };
}

describe('one decision for all halted partitions', () => {
  it.each<[string, Partial<Checkpoint>, bigint | null, RegExp]>([
    [
      'topic_recreated at offset 50: another topic.',
      { topicId: 'id-0' },
      10n,
      /start of the other topic's log/,
    ],
    ['offset_out_of_range at offset 5: gone.', { nextOffset: 5n }, 10n, /the offsets 5 to 9 are missing/],
    ['offset_out_of_range at offset 500: cut.', { nextOffset: 500n }, 10n, /lost its end; .*duplicates/],
    [`log_diverged at offset 50: other. ${goesOnAt(44n)}`, {}, 44n, /first offset at which the log differs/],
    [`log_diverged at offset 50: other. ${goesOnAt(4n)}`, {}, 10n, /differs/],
    ['log_diverged at offset 50: never had that epoch.', {}, 10n, /start of the log/],
    [`corrupt_batch at offset 50: bad. ${goesOnAt(60n)}`, {}, 60n, /the records at 50 to 59 are left out/],
    [`batch_too_large at offset 50: big. ${goesOnAt(60n)}`, {}, 60n, /the records at 50 to 59 are left out/],
    ['corrupt_batch at offset 50: bad.', {}, null, /names no offset behind/],
    ['something at offset 50: new.', {}, null, /no rule for this halt/],
    // The topic was made anew after the halt, so the offset that the halt names means another record.
    [`corrupt_batch at offset 50: bad. ${goesOnAt(60n)}`, { topicId: 'id-0' }, 10n, /other topic's log/],
  ])('a partition goes on by the rule of its halt: %s', async (reason, facts, offset, explanation) => {
    const { store, log, decisions } = parts([halted(0, reason, facts)]);
    const plan = await planResumeAll({ store, log }, ALL);
    expect(plan).toMatchObject([
      {
        to: offset === null ? null : { offset, topicId: 'id-1' },
        explanation: expect.stringMatching(explanation),
      },
    ]);
    const outcomes = await carryOut({ store }, plan, DECISION);
    expect(outcomes.map(({ failure }) => failure === null)).toEqual([offset !== null]);
    expect(decisions).toEqual(
      offset === null ? [] : [{ topic: TOPIC, partition: 0, offset, topicId: 'id-1', ...DECISION }],
    );
  });

  it('one decision leaves partitions alone that are not halted, and those of other kinds if a kind is asked for', async () => {
    const recreated = 'topic_recreated at offset 50: another topic.';
    const { store, log } = parts([
      halted(2, recreated),
      halted(1, null),
      halted(0, `corrupt_batch at offset 50: bad. ${goesOnAt(60n)}`),
    ]);
    const planned = async (kind: string | null) =>
      (await planResumeAll({ store, log }, { kind, fromStart: false })).map(({ partition }) => partition);
    expect(await planned(null)).toEqual([0, 2]);
    expect(await planned('topic_recreated')).toEqual([2]);
    expect(await planned('log_diverged')).toEqual([]);
  });

  it('one decision begins every partition at the start of the log if that is asked for', async () => {
    const { store, log } = parts([halted(0, `corrupt_batch at offset 50: bad. ${goesOnAt(60n)}`)]);
    expect(await planResumeAll({ store, log }, { kind: null, fromStart: true })).toMatchObject([
      { to: { offset: 10n } },
    ]);
  });

  it('the plan names the partitions that are not there, or cannot be read now', async () => {
    const reason = 'offset_out_of_range at offset 5: gone.';
    const readable = [{ topic: TOPIC, partition: 0, startOffset: 10n, endOffset: 100n }];
    const { store, log } = parts([halted(0, reason), halted(1, reason), halted(2, reason)], {
      partitionCount: 2,
      partitions: readable,
    });
    expect(
      (await planResumeAll({ store, log }, ALL)).map(({ to, explanation }) => [to === null, explanation]),
    ).toEqual([
      [false, expect.anything()],
      [true, 'it cannot be read now, so its offsets are unknown; try again'],
      [true, 'the topic has only 2 partitions now'],
    ]);
    const nowhere = { describe: async () => [] };
    expect(await planResumeAll({ store, log: nowhere }, ALL)).toMatchObject([
      { to: null, explanation: 'the log has no such topic' },
      { to: null },
      { to: null },
    ]);
  });

  it('one decision that cannot be recorded stops no other', async () => {
    const reason = 'topic_recreated at offset 50: another topic.';
    const { store, log, decisions } = parts([halted(0, reason), halted(1, reason)]);
    const plan = await planResumeAll({ store, log }, ALL);
    const failing = {
      ...store,
      resume: async (decision: ResumeDecision) => {
        if (decision.partition === 0) throw new TributaryError('store_busy', 'The row is locked.');
        await store.resume(decision);
      },
    };
    expect((await carryOut({ store: failing }, plan, DECISION)).map(({ failure }) => failure)).toEqual([
      'The row is locked.',
      null,
    ]);
    expect(decisions).toMatchObject([{ partition: 1 }]);
  });
});
