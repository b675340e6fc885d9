import { describe, expect, it } from 'vitest';
import { type Facts, sentencesOf } from '../../../../src/pipeline/ask/explain/sentences.ts';

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const REFUSED = {
  records: [{ topic: 'order_events', partition: 0, offset: 4n, reason: 'json_invalid' }],
  isMore: false,
  lookMax: 5_000,
};

function said(more: Partial<Facts>): string {
  const facts: Facts = {
    noun: 'order',
    entityId: 'a',
    version: 2,
    parked: null,
    unfoldable: null,
    rowDiffers: false,
    hasStrayRow: false,
    maxEvents: null,
    isReady: false,
    whyNot: null,
    since: null,
    waitsForRebuild: false,
    deliveries: [],
    targets: [],
    halts: [],
    pauses: [],
    leftOut: [],
    refused: { records: [], isMore: false, lookMax: 5_000 },
    nowMs: NOW_MS,
  };
  return sentencesOf({ ...facts, ...more }).join(' ');
}

const DELIVERY = { target: 'crm', attemptLog: [], deliveredVersion: null } as never;

describe('the sentences about an unknown entity', () => {
  it('say that no record was refused, and only if none was', () => {
    expect(said({ version: 0 })).toBe(
      'Unknown: the journal has no event of this order. No refused record has its id as the key.',
    );
    const refused = said({ version: 0, refused: REFUSED });
    expect(refused).toContain('1 refused record has the id of this order as the key');
    expect(refused).not.toContain('No refused record');
  });

  it('tell of a row and of deliveries that have lost their events, each by itself', () => {
    const row = said({ version: 0, hasStrayRow: true });
    const ledger = said({ version: 0, deliveries: [DELIVERY] });
    expect(row).toContain('There is a row in the view, which this program has not made from events.');
    expect(row).not.toContain('The ledger has');
    expect(ledger).toContain('The ledger has deliveries of it: the journal has lost its events.');
    expect(ledger).not.toContain('There is a row');
  });
});

describe('the sentences about a known entity', () => {
  it('name the limit that its events exceed', () => {
    expect(said({ version: 12, maxEvents: 10 })).toContain(
      'It has 12 events, more than the 10 that are folded',
    );
    expect(said({ version: 12 })).not.toContain('It has 12 events');
  });

  it('say that its row was altered, and that it waits for a rebuild', () => {
    expect(said({ rowDiffers: true })).toContain('Its row in the view differs from its journal');
    expect(said({ waitsForRebuild: true })).toContain('Rows and deliveries wait for a rebuild');
    expect(said({})).toBe('Not ready. Last sent: never.');
  });

  it('begin with the reason for which it is parked, and with the command that lets it go on', () => {
    const parked = {
      entityId: 'a',
      reason: 'fold_failed',
      detail: 'It throws.',
      parkedAtMs: NOW_MS,
    } as never;
    const sentences = said({ parked, unfoldable: { reason: 'fold_failed', detail: 'It throws.' } });
    expect(sentences).toMatch(
      /^Parked since 12:00:00Z, because it cannot be folded \(fold_failed\): It throws\. /,
    );
    expect(sentences).toContain('order-sync unpark "a" --reason');
    expect(sentences).not.toContain('Not ready');
  });

  it('say what its row says if this program cannot fold it', () => {
    expect(said({ unfoldable: { reason: 'event_not_understood', detail: 'It is new.' } })).toMatch(
      /^Its events cannot be folded by this program \(event_not_understood\): It is new\. .* Not ready\./,
    );
  });
});
