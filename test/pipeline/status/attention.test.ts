import { describe, expect, it } from 'vitest';
import { goesOnAt } from '../../../src/core/halts.ts';
import { attentionTo } from '../../../src/pipeline/status/attention.ts';
import type { InstanceStatus } from '../../../src/pipeline/status/instance.ts';
import type { SharedStatus } from '../../../src/pipeline/status/status.ts';
import { checkpoint, shared } from './fake-parts.ts';

const only = (status: SharedStatus, instance: InstanceStatus | null = null) => {
  const items = attentionTo(status, instance);
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
