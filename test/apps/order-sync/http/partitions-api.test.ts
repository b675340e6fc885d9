import { describe, expect, it } from 'vitest';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import { goesOnAt } from '../../../../src/core/halts.ts';
import type { Checkpoint, ResumeDecision } from '../../../../src/ports/checkpoints.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { UNUSED_PARTS } from './parts.ts';

const TOPIC = 'order_events';

/** A server whose one partition is halted at offset 50 of a log that has the offsets 10 to 100. */
function server() {
  const decisions: ResumeDecision[] = [];
  const checkpoint: Checkpoint = {
    topic: TOPIC,
    partition: 0,
    topicId: 'id-1',
    nextOffset: 50n,
    leaderEpoch: 3,
    epoch: 2n,
    haltReason: `corrupt_batch at offset 50: bad. ${goesOnAt(60n)}`,
    isNew: false,
  };
  const partitions = [{ topic: TOPIC, partition: 0, startOffset: 10n, endOffset: 100n }];
  const app = buildServer({
    ...UNUSED_PARTS,
    store: {
      checkpoints: async () => [checkpoint],
      resume: async (decision: ResumeDecision) => void decisions.push(decision),
    } as never,
    log: {
      ...UNUSED_PARTS.log,
      describe: async () => [{ topic: TOPIC, topicId: 'id-1', partitionCount: 1, partitions }],
    },
  });
  const inject = heldInject(app);
  return {
    decisions,
    async resume(payload: object) {
      const url = '/api/v1/partitions:resume';
      const { statusCode, body } = await inject({ url, method: 'POST', payload });
      return { status: statusCode, body: JSON.parse(body) };
    },
  };
}

describe('the API that lets halted partitions go on', () => {
  it.each([
    ['by their halts', {}, '60'],
    ['at the start of the log', { at: 'earliest' }, '10'],
  ])(
    'says in a dry run where all would go on %s, and does the same without one',
    async (_, more, toOffset) => {
      const { decisions, resume } = server();
      const request = { all: true, reason: 'corrected', ...more };
      const planned = await resume({ ...request, dryRun: true });
      expect(planned).toMatchObject({ status: 200, body: { data: [{ toOffset, resumed: false }] } });
      expect(decisions).toEqual([]);
      expect((await resume(request)).body.data).toMatchObject([{ toOffset, resumed: true, failure: null }]);
      expect(decisions).toMatchObject([{ topic: TOPIC, offset: BigInt(toOffset), reason: 'corrected' }]);
    },
  );

  it('leaves partitions alone that are halted for another reason than the one that is named', async () => {
    const { decisions, resume } = server();
    const { body } = await resume({ all: true, kind: 'topic_recreated', reason: 'made again' });
    expect([body.data, decisions]).toEqual([[], []]);
  });

  it.each([
    [{ reason: 'x' }],
    [{ reason: 'x', all: true, partition: 'order_events/0' }],
    [{ reason: 'x', partition: 'order_events/0', dryRun: true }],
    [{ reason: 'x', all: true, skip: true }],
    [{ reason: 'x', all: true, at: 60 }],
  ])('refuses %j', async (payload) => {
    const { decisions, resume } = server();
    expect((await resume(payload)).status).toBe(400);
    expect(decisions).toEqual([]);
  });
});
