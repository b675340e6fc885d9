import { describe, expect, it } from 'vitest';
import {
  faultOfPart,
  holdJson,
  holdsIn,
  type PausableParts,
  refusePaused,
} from '../../../src/apps/order-sync/hold-parts.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import type { Hold, HoldPart } from '../../../src/ports/holds.ts';

const TOPIC = 'order_events';

function partsOf(more: Partial<PausableParts> = {}): PausableParts {
  return {
    topics: [TOPIC, 'payment_events'],
    targets: ['crm'],
    store: { checkpoints: async () => [] },
    log: { partitionCounts: async () => new Map([[TOPIC, 3]]) },
    ...more,
  };
}

const partition = (number: number, topic = TOPIC): HoldPart => ({
  kind: 'partition',
  topic,
  partition: number,
});

const hold = (part: HoldPart): Hold => ({ part, heldBy: 'ana', reason: 'a test', heldAtMs: 0 });

const failing = (code: 'table_missing' | 'store_unreachable') => ({
  listHolds: async () => {
    throw new TributaryError(code, 'The store says no.');
  },
});

describe('a part that can be paused', () => {
  it.each<HoldPart>([
    { kind: 'ingest' },
    { kind: 'topic', topic: TOPIC },
    partition(0),
    partition(2),
    { kind: 'target', target: 'crm' },
  ])('faultOfPart lets %j be paused', async (part) => {
    expect(await faultOfPart(part, partsOf())).toBeNull();
  });

  it.each<[HoldPart, string]>([
    [
      { kind: 'topic', topic: 'other' },
      'does not read the topic "other": the topics are order_events, payment_events.',
    ],
    [partition(0, 'other'), 'does not read the topic "other"'],
    [partition(3), 'order_events has no partition 3: its partitions are 0 to 2.'],
    [partition(0, 'payment_events'), 'There is no topic payment_events in the log.'],
    [{ kind: 'target', target: 'erp' }, 'There is no target "erp": the only target is crm.'],
  ])('faultOfPart refuses %j', async (part, fault) => {
    expect(await faultOfPart(part, partsOf())).toContain(fault);
  });

  it('a partition with a checkpoint can be paused while the log does not answer', async () => {
    const checkpoint = { topic: TOPIC, partition: 7 };
    const silent = partsOf({
      store: { checkpoints: async () => [checkpoint] as never },
      log: { partitionCounts: () => Promise.reject(new Error('The log is silent.')) },
    });
    expect(await faultOfPart(partition(7), silent)).toBeNull();
    await expect(faultOfPart(partition(8), silent)).rejects.toThrow('silent');
  });
});

describe('the holds of a store', () => {
  it('a store without their table has none, and any other error is passed on', async () => {
    expect(await holdsIn(failing('table_missing'))).toEqual([]);
    await expect(holdsIn(failing('store_unreachable'))).rejects.toThrow('The store says no.');
  });

  it('a hold keeps a command from sending to a paused target, and to no other one', async () => {
    const store = {
      listHolds: async () => [hold({ kind: 'target', target: 'crm' }), hold({ kind: 'ingest' })],
    };
    await expect(refusePaused(store, 'crm', 'with --dry-run')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/^Nothing may be sent to crm\. .* or look only, with --dry-run\.$/),
    });
    await expect(refusePaused(store, 'erp', 'with --dry-run')).resolves.toBeUndefined();
  });

  it('holdJson shows the name of the part, and who decided when', () => {
    expect(holdJson(hold(partition(2)))).toEqual({
      part: partition(2),
      name: 'partition order_events/2',
      heldBy: 'ana',
      reason: 'a test',
      heldAt: '1970-01-01T00:00:00.000Z',
    });
  });
});
