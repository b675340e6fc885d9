import { describe, expect, it } from 'vitest';
import { auditLine } from '../../../src/apps/order-sync/audit-text.ts';
import type { AuditEntry } from '../../../src/ports/audit.ts';

function lineOf(facts: Partial<AuditEntry>, noun = 'order'): string {
  const entry = {
    auditId: 1n,
    action: 'job_created',
    subject: 'job 1',
    details: {},
    decidedBy: 'ana',
    reason: 'the customer is known now',
    decidedAtMs: Date.UTC(2026, 0, 1),
    ...facts,
  } as const;
  return auditLine(entry, noun);
}

describe('a decision as one line', () => {
  it('calls an entity what its domain calls it', () => {
    expect(lineOf({ details: { entityId: 'a' } }, 'article')).toContain('  article a');
  });

  it('leaves out what has no value, and the names of what only holds others', () => {
    const filter = {
      target: 'order-mgt',
      entityId: 'a b',
      status: null,
      lastStatus: 422,
      errorPrefix: null,
      dueSinceFromMs: Date.UTC(2026, 0, 1),
      dueSinceBeforeMs: null,
    };
    expect(lineOf({ details: { kind: 'redrive', parameters: { filter }, isDryRun: false } })).toBe(
      '2026-01-01T00:00:00.000Z  job created  "job 1"  by "ana"  reason "the customer is known now"  kind redrive  ' +
        'target order-mgt  order "a b"  last status 422  due since from 2026-01-01T00:00:00.000Z',
    );
  });

  it('says where a partition went on, and a dry run', () => {
    const details = { fromOffset: '1', toOffset: '4', haltReason: 'offset_out_of_range: gone.' };
    expect(lineOf({ action: 'partition_resumed', subject: 'order_events/0', details })).toMatch(
      /partition resumed {2}"order_events\/0" .* from offset 1 {2}to offset 4 {2}halt reason "offset_out_of_range: gone\."$/,
    );
    expect(lineOf({ details: { isDryRun: true } })).toMatch(/ {2}dry run$/);
  });

  it('names a part only once, and says that there is no reason', () => {
    const details = { part: { kind: 'target', target: 'order-mgt' } };
    expect(lineOf({ action: 'held', subject: 'target order-mgt', details, reason: '' })).toBe(
      '2026-01-01T00:00:00.000Z  held  "target order-mgt"  by "ana"  without a reason',
    );
  });

  it('shows lists and counts, and no character that could forge a line', () => {
    const details = {
      folded: 2,
      orderIds: ['a', 'b\n'],
      target: { name: 'order-mgt', kinds: {} },
      selection: [{ topic: 'order_events', partition: 0 }],
    };
    expect(lineOf({ action: 'entities_unparked', details })).toMatch(
      / {2}folded 2 {2}order ids a, "b\\n" {2}target: name order-mgt {2}selection topic order_events partition 0$/,
    );
  });
});
